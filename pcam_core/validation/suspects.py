"""Listing every patch that is rejected or suspicious, with its reason."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pcam_core.validation.outliers import LIMIT

FILE = "suspects.csv"
BLANK = 0.99
"""Share of white pixels above which a patch is called blank glass (.6 % of real ones are)."""

QUARANTINED, KEPT, FATAL = "in quarantine", "kept", "stops the run"
COLUMNS = ["id", "part", "verdict", "reason", "detail"]

UNREADABLE = "unreadable"
OTHER_FORM = "another form"
ONE_COLOUR = "one colour"
IN_TEST = "also in test"
CONTRADICTION = "copy with another label"
COPY = "exact copy"
WHITE = "blank glass"
OUTLIER = "unusual colour"
REASONS = {
    UNREADABLE: "The file cannot be read or decoded.",
    OTHER_FORM: "Another size, mode or depth, or several pages.",
    ONE_COLOUR: "Every pixel has the same colour: there is nothing to learn from.",
    IN_TEST: "The same pixels as a test patch: training on it would be training on the test.",
    CONTRADICTION: "Equal pixels with different labels: at least one of the labels is wrong.",
    COPY: "Equal pixels under several ids, which count several times in training.",
    WHITE: f"More than {BLANK:.0%} of the pixels are white.",
    OUTLIER: f"More than {LIMIT:.0f} robust deviations from the median patch.",
}
"""The reasons in the order in which they are shown."""


def find_suspects(properties: pd.DataFrame) -> pd.DataFrame:
    """Return the patches to be looked at, one row a patch and reason.

    Training patches are put in quarantine that cannot be read, are of another form, of one colour,
    or equal a test patch that is not the same one. All others are kept; a test patch that cannot be
    read stops the run, because nothing can be predicted for it.

    Args:
        properties: What `describe` returns.

    Returns:
        Text columns id, part, verdict, reason, detail; sorted by reason, then as they came.
    """
    train = properties["part"] == "train"
    alone = np.where(train, QUARANTINED, KEPT)
    copies = _copies(properties)
    as_other = "as " + copies["other"]
    other = properties["fault"].isin(["size", "mode", "depth", "pages"])
    black = properties["brightest"] == 0
    colour = [
        ", ".join(f"{value:.0f}" for value in row)
        for row in properties[["mean_r", "mean_g", "mean_b"]].to_numpy()
    ] if (properties["spread"] == 0).any() else ""  # fmt: skip
    found: dict[str, tuple[Any, Any]] = {
        UNREADABLE: (properties["fault"] == "unreadable", properties["why"]),
        OTHER_FORM: (other, properties["why"]),
        ONE_COLOUR: (
            properties["spread"] == 0,
            np.where(black, "all black", np.char.add("all ", np.array(colour, dtype=str))),
        ),
        IN_TEST: (properties["twin"] != "", "as " + properties["twin"]),
        CONTRADICTION: (properties["clash"], as_other + ", labelled otherwise"),
        COPY: ((copies["other"] != "") & ~properties["clash"], as_other),
        WHITE: (
            (properties["white"] > BLANK) & (properties["spread"] > 0),
            (properties["white"] * 100).map("{:.1f} % white".format),
        ),
        OUTLIER: (properties["deviation"] > LIMIT, properties["farthest"]),
    }
    pieces: list[pd.DataFrame] = []
    for reason, (rows, detail) in found.items():
        verdict = alone if reason in (UNREADABLE, OTHER_FORM, ONE_COLOUR, IN_TEST) else KEPT
        if reason in (UNREADABLE, OTHER_FORM):
            verdict = np.where(train, QUARANTINED, FATAL)
        told = properties[["id", "part"]].assign(verdict=verdict, reason=reason, detail=detail)
        # Copies stand side by side.
        order = copies.loc[rows, "first"].sort_values(kind="stable").index
        pieces.append(told.loc[order])
    return pd.concat(pieces, ignore_index=True)


def read_suspects(folder: Path) -> pd.DataFrame:
    """Return the table that the gate wrote; see `find_suspects`."""
    return pd.read_csv(folder / FILE, dtype=str, keep_default_na=False)


def verdicts(suspects: pd.DataFrame) -> str:
    """Return what becomes of suspects in a few words, as "in quarantine" or "2 kept, 1 ..."."""
    counts = suspects["verdict"].value_counts()
    if len(counts) == 1:
        return str(counts.index[0])
    return ", ".join(f"{number:,} {verdict}" for verdict, number in counts.items())


def _copies(properties: pd.DataFrame) -> pd.DataFrame:
    """Return for each training patch with copies the names of another and of the first of them."""
    copies = properties[(properties["part"] == "train") & properties["pixels"].notna()]
    copies = copies[copies["pixels"].duplicated(keep=False)]
    found = pd.DataFrame({"other": "", "first": ""}, properties.index, dtype=object)
    for _, group in copies.groupby("pixels"):
        names = list(group["name"])
        found.loc[group.index, "other"] = [names[1], *[names[0]] * (len(names) - 1)]
        found.loc[group.index, "first"] = names[0]
    return found
