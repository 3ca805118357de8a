"""Find out which patches belong together: of one slide, or cut from overlapping places."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.datasets import Dataset
from pcam_core.stage import stage
from pcam_core.stages.gate import accepted

FILE = "groups.csv"
PAIRS = "pairs.csv"
DETECTED = "detected overlap"


@stage()
def groups(folder: Path, *, data: Dataset, labels: Artifact, gate: Artifact) -> dict[str, Any]:
    """Write `groups.csv` (id, group) and `pairs.csv` of the labelled patches in use.

    Where every patch has a slide, the slides are the groups. Else patches that share pixels (see
    `pcam_core.overlap`) or a known slide are one group, and a patch without either is its own.
    `pairs.csv` holds the overlapping pairs; it has no rows where slides are all known.
    """
    from pcam_core.overlap import find_overlaps, overlap_groups

    table = accepted(labels, gate, "train")
    ids = list(table["id"])
    slides = table.loc[table["slide"] != ""].groupby("slide")["id"].apply(list)
    known = int(slides.map(len).sum())
    pairs = pd.DataFrame(columns=["first", "second"], dtype=str)
    if known == len(table):
        named = dict(zip(table["id"], table["slide"], strict=True))
    else:
        pairs = find_overlaps(ids, lambda chosen: data.patches("train", chosen))
        together = [pair for members in slides for pair in pairwise(sorted(members))]
        links = pd.DataFrame(together, columns=["first", "second"])
        named = overlap_groups(ids, pd.concat([pairs[["first", "second"]], links]))
    pairs.to_csv(folder / PAIRS, index=False)
    table = pd.DataFrame({"id": ids, "group": [named[patch_id] for patch_id in ids]})
    table.to_csv(folder / FILE, index=False)
    sizes = table["group"].value_counts()
    sources = [labels.figures["slides_from"]] if known else []
    return {
        "source": " and ".join([*sources, *([DETECTED] if known < len(ids) else [])]),
        "detected": known < len(ids),
        "groups": len(sizes),
        "largest": int(sizes.max()),
        "median": float(sizes.median()),
        "sharing": int(sizes[sizes > 1].sum()),
        "pairs": len(pairs),
    }


def read_groups(artifact: Artifact) -> pd.DataFrame:
    """Return the table (id, group) that `groups` wrote."""
    return pd.read_csv(artifact.path / FILE, dtype=str, keep_default_na=False)
