"""Lay out what the checks found, for people and for programs."""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pcam_core.artifact import Artifact
from pcam_core.report.validation_page import headline, validation_page
from pcam_core.stage import stage
from pcam_core.validation.check import Check, read_checks, stop_at_errors
from pcam_core.validation.suspects import FILE, read_suspects

PAGE = "validation.html"
TABLE = "validation.json"


@stage()
def validation(folder: Path, *, labels: Artifact, gate: Artifact) -> dict[str, Any]:
    """Write `validation.html`, `validation.json` and `suspects.csv`.

    The page loads nothing from elsewhere. The JSON holds the figures of the gate, every check with
    all items that failed it (see `Check`), and every suspect (see `find_suspects`).

    Figures: the gate's, and `headline`, one sentence.
    """
    figures = {"headline": headline(gate), **gate.figures}
    checks = [asdict(check) for check in read_checks(gate.path)]
    suspects = read_suspects(gate.path).to_dict("records")
    (folder / PAGE).write_text(validation_page(labels, gate), encoding="utf-8")
    content = {**figures, "checks": checks, "suspicious": suspects}
    (folder / TABLE).write_text(json.dumps(content, indent=1), encoding="utf-8")
    shutil.copy(gate.path / FILE, folder / FILE)
    return figures


def insist(artifact: Artifact) -> None:
    """Return if what `validation` wrote says that a run may use the data.

    Raises:
        InputError: It may not; all errors with all their items are told at once.
    """
    content = json.loads((artifact.path / TABLE).read_text(encoding="utf-8"))
    stop_at_errors((Check(**fields) for fields in content["checks"]), str(artifact.path / PAGE))
