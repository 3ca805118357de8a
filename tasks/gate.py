"""Measure every patch and check labels and measurements."""

from pcam_core.artifact import Artifact
from pcam_core.stages.gate import gate
from pcam_core.validation.check import read_checks
from pcam_core.validation.suspects import FILE, read_suspects
from tasks.stage_task import stage_task
from tasks.tables import show_table

_SHOWN = 200


def _publish(artifact: Artifact) -> None:
    columns = ("about", "meaning", "severity", "passed", "observed")
    checks = read_checks(artifact.path)
    rows = [{column: getattr(check, column) for column in columns} for check in checks]
    show_table("validation", "What Great Expectations found", rows)
    suspects = read_suspects(artifact.path)
    more = len(suspects) - _SHOWN
    where = f"; {more:,} more are listed in {artifact.path / FILE}" if more > 0 else ""
    title = f"Patches in quarantine, and suspicious ones{where}"
    show_table("suspects", title, suspects.head(_SHOWN).to_dict("records"))


validate_data = stage_task(gate, "validate data", publish=_publish)
