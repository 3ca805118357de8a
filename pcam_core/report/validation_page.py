"""The page of `pcam validate`: the report's chapter on quality, with a head of its own."""

from pcam_core.artifact import Artifact
from pcam_core.listing import count
from pcam_core.report.layout import lay_out
from pcam_core.report.quality_chapter import quality
from pcam_core.validation.check import read_checks


def validation_page(labels: Artifact, gate: Artifact) -> str:
    """Return the HTML. Equal artifacts give equal text."""
    figures, table = gate.figures, labels.figures
    errors = [
        check for check in read_checks(gate.path) if not check.passed and check.severity == "error"
    ]
    share = table["positive"] / table["train"] if table["train"] else 0
    return lay_out(
        "validation.html.j2",
        [quality(gate)],
        headline=headline(gate),
        errors=errors,
        finished=gate.manifest["finished"].replace("T", " ").replace("Z", " UTC"),
        patches=f"{table['train']:,} labelled patches, {table['test']:,} to predict",
        cards=[
            {
                "name": "Expectations",
                "value": f"{figures['passed']} of {figures['expectations']}",
                "context": f"hold; {count(errors, 'error')},"
                f" {count(figures['warnings'], 'warning')}",
            },
            {
                "name": "In quarantine",
                "value": f"{figures['quarantined']:,}",
                "context": "training patches, left out of training",
            },
            {
                "name": "Suspicious",
                "value": f"{figures['kept']:,}",
                "context": "patches, shown below and kept",
            },
            {"name": "Positive", "value": f"{share:.1%}", "context": "of the labelled patches"},
        ],
    )


def headline(gate: Artifact) -> str:
    """Say in a sentence whether a run may use the data."""
    figures = gate.figures
    if figures["errors"]:
        return f"This data stops a run: {count(figures['errors'], 'expectation')} must hold first."
    if figures["warnings"]:
        warnings = count(figures["warnings"], "warning")
        return f"This data can be trained on; {warnings} should be looked at."
    return "This data can be trained on: everything that is expected of it holds."
