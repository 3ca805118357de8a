"""What the report says of training patches against test patches."""

from typing import Any

import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.report import shift_figures
from pcam_core.report.blocks import Block, Heading, Note, Row, Text, picture

LARGE_SHIFT = 0.65
"""AUC of telling training from test patches from which the report warns."""


def shift_blocks(explored: Artifact, patches: pd.DataFrame) -> list[Block]:
    """Show how training and test patches differ, and warn where they do much.

    Args:
        explored: Artifact of `explore`.
        patches: What `read_patches` returned.
    """
    found = explored.figures["shift"]
    title = Heading("Training against test")
    if found is None:
        return [title, Text("There are no test patches to compare with.")]
    return [
        title,
        _told_apart(found),
        Row(
            [
                picture(
                    "shift-colour", "Colour of both parts",
                    shift_figures.train_against_test(patches, shift_figures.COLOURS),
                    _farthest(found["columns"], shift_figures.COLOURS),
                ),
                picture(
                    "shift-tissue", "Stain and edges of both parts",
                    shift_figures.train_against_test(patches, shift_figures.TISSUE),
                    _farthest(found["columns"], shift_figures.TISSUE),
                ),
            ]
        ),
    ]  # fmt: skip


def _told_apart(found: dict[str, Any]) -> Block:
    auc, error = found["auc"], found["error"]
    if auc is None:
        return Text("One part has too few patches to tell whether they are of another kind.")
    low, high = max(auc - 1.96 * error, 0), min(auc + 1.96 * error, 1)
    told = (
        "Told from training patches by mean colour, stain and edges alone, test patches are found"
        f" with an AUC of {auc:.2f} ({low:.2f} to {high:.2f}; .50 is guessing)."
    )
    if low > LARGE_SHIFT:
        return Note(
            f"{told} They look different: what is measured on held-out training patches may not"
            " hold for them. Were they stained or scanned elsewhere?"
        )
    same = "No difference of that kind is to be seen." if low <= 0.5 else "The difference is small."
    return Text(f"{told} {same}")


def _farthest(columns: dict[str, dict[str, float]], drawn: dict[str, str]) -> str:
    name = max(drawn, key=lambda column: columns[column]["distance"])
    distance, steps = columns[name]["distance"], columns[name]["steps"]
    what = drawn[name].partition(" of a patch")[0]
    return (
        f"Farthest apart in {what}: cumulated shares differ by at most {distance:.2f}"
        f" (Kolmogorov-Smirnov), means by {abs(steps):.2f} standard deviations."
    )
