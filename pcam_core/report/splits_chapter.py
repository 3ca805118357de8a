"""The chapter on who trains, who decides and who measures."""

from pcam_core.artifact import Artifact
from pcam_core.report.blocks import Chapter, Row, Table, Text, picture
from pcam_core.report.splits_figures import split_parts
from pcam_core.stages.split import ROLES


def parts(groups: Artifact, splits: Artifact) -> Chapter:
    """Say who trains, who decides and who measures."""
    figures = splits.figures
    use = {
        "train": "trains the final model",
        "validation": "stops its training",
        "calibration": "sets the threshold",
        "test": "held out for the figures at the top",
    }
    rows = [
        (
            role,
            f"{figures['patches'][role]:,}",
            f"{figures['positive_share'][role]:.1%}",
            f"{figures['groups'][role]:,}",
            use[role],
        )
        for role in ROLES
    ]
    shares = [figures["positive_share"][role] for role in ROLES]
    caption = (
        f"The positive share lies between {min(shares):.1%} and {max(shares):.1%};"
        f" tuning works on {figures['tuning_patches']:,} patches outside the test part."
    )
    columns = ("Part", "Patches", "Positive", "Groups", "Use")
    source = groups.figures["source"]
    kept = Text(f"Groups come from {source}: no group stands on two sides of any split.")
    return Chapter(
        "splits",
        "Splits",
        [
            kept,
            Row([picture("parts", "Sizes of the parts", split_parts(splits), caption)]),
            Table("The parts", columns, rows, "lrrrl"),
        ],
    )
