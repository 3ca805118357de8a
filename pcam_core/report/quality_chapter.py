"""The chapter on what the data was checked for."""

import json
from typing import Any

from pcam_core.artifact import Artifact
from pcam_core.report.blocks import Badge, Chapter, Table, Text


def quality(gate: Artifact) -> Chapter:
    """Say which expectations the data met."""
    checks = json.loads((gate.path / "expectations.json").read_text())
    rows = [
        (_badge(check), check["meaning"], check["observed"], check["severity"]) for check in checks
    ]
    figures = gate.figures
    met = f"{figures['passed']} of {figures['expectations']} expectations hold"
    told = f"{met} for {figures['patches']:,} decoded patches, training and test together."
    blocks: list[Any] = [Text(told)]
    table = Table("Expectations", ("Result", "Expected that", "Observed", "Severity"), rows, "llll")
    return Chapter("quality", "Data quality", [*blocks, table])


def _badge(check: dict[str, Any]) -> Badge:
    if check["passed"]:
        return Badge("pass", "good")
    return Badge("warning" if check["severity"] == "warning" else "fail", "warn")
