"""Find out which patches belong together: of one slide, or cut from overlapping places."""

from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.datasets.dataset import Dataset
from pcam_core.patches import SIDE, Pixels
from pcam_core.stage import stage
from pcam_core.stages.gate import accepted

FILE = "groups.csv"
PAIRS = "pairs.csv"
DETECTED = "detected overlap"
EXAMPLES = 8


@stage()
def groups(folder: Path, *, data: Dataset, labels: Artifact, gate: Artifact) -> dict[str, Any]:
    """Write `groups.csv` (id, group) of the labelled patches in use, and how it was found.

    Where every patch has a slide, the slides are the groups. Else patches that share pixels (see
    `pcam_core.overlap`) or a known slide are one group, and a patch without either is its own.
    `pairs.csv` holds the overlapping pairs as `find_overlaps` returns them, which tell of a wrong
    map of slides too, and `examples.npz` the patches, uint8 (n, 2, 96, 96, 3), of some with an
    offset in `examples.csv`.
    """
    from pcam_core.overlap import find_overlaps, overlap_groups

    table = accepted(labels, gate, "train")
    ids = list(table["id"])
    mapped = table[table["slide"] != ""]
    pairs = find_overlaps(ids, lambda chosen: data.patches("train", chosen))
    if len(mapped) == len(table):
        named = dict(zip(table["id"], table["slide"], strict=True))
    else:
        by_slide = mapped.sort_values("id").groupby("slide")["id"]
        together = [pair for _, members in by_slide for pair in pairwise(members)]
        links = pd.DataFrame(together, columns=["first", "second"], dtype=str)
        named = overlap_groups(ids, pd.concat([pairs[["first", "second"]], links]))
    pairs.to_csv(folder / PAIRS, index=False)
    _write_examples(folder, data, pairs)
    grouped = pd.DataFrame({"id": ids, "group": [named[patch_id] for patch_id in ids]})
    grouped.to_csv(folder / FILE, index=False)
    sizes = grouped["group"].value_counts()
    sources = [labels.figures["slides_from"]] if len(mapped) else []
    detected = len(mapped) < len(table)
    return {
        "source": " and ".join([*sources, *([DETECTED] if detected else [])]),
        "detected": detected,
        "groups": len(sizes),
        "largest": int(sizes.max()),
        "median": float(sizes.median()),
        "sharing": int(sizes[sizes > 1].sum()),
        "pairs": len(pairs),
    }


def _write_examples(folder: Path, data: Dataset, pairs: pd.DataFrame) -> None:
    """Keep pairs of all sizes of overlap, from the largest to the smallest, to be looked at."""
    shifted = pairs[pairs["transform"] == "identity"]
    ranked = shifted.sort_values(["shared_pixels", "first", "second"], ascending=False)
    ranked = ranked.drop_duplicates("first").drop_duplicates("second")
    shown = ranked.iloc[np.linspace(0, len(ranked) - 1, min(EXAMPLES, len(ranked))).astype(int)]
    shown.to_csv(folder / "examples.csv", index=False)
    wanted = list(chain.from_iterable(zip(shown["first"], shown["second"], strict=True)))
    pixels = np.array(list(data.patches("train", wanted)), np.uint8)
    np.savez(folder / "examples.npz", patches=pixels.reshape(-1, 2, SIDE, SIDE, 3))


def read_groups(artifact: Artifact) -> pd.DataFrame:
    """Return the table (id, group) that `groups` wrote."""
    return pd.read_csv(artifact.path / FILE, dtype=str, keep_default_na=False)


def read_pairs(artifact: Artifact) -> pd.DataFrame:
    """Return the pairs of patches that share pixels, as `find_overlaps` returns them."""
    types = {"first": str, "second": str}
    return pd.read_csv(artifact.path / PAIRS, dtype=types, keep_default_na=False)


def read_examples(artifact: Artifact) -> tuple[pd.DataFrame, Pixels]:
    """Return rows of `find_overlaps` and their patches, uint8 (n, 2, 96, 96, 3)."""
    types = {"first": str, "second": str}
    rows = pd.read_csv(artifact.path / "examples.csv", dtype=types, keep_default_na=False)
    with np.load(artifact.path / "examples.npz") as found:
        return rows, found["patches"]
