"""Stop bad data before anything is trained on it."""

import json

from pcam_core.artifact import Artifact
from pcam_core.stages.gate import gate
from tasks.stage_task import stage_task
from tasks.tables import show_table


def _publish(artifact: Artifact) -> None:
    checks = json.loads((artifact.path / "expectations.json").read_text())
    columns = ("meaning", "severity", "passed", "observed")
    rows = [{column: check[column] for column in columns} for check in checks]
    show_table("validation", "What Great Expectations found", rows)


validate_data = stage_task(gate, "validate data", publish=_publish, tags=("data",))
