"""Figures of dark, middling and bright patches."""

from typing import Any

import numpy as np
import pandas as pd

from pcam_core.bootstrap import intervals
from pcam_core.measures import scores

THIRDS = ("darkest", "middle", "brightest")
_SHOWN = ("auc", "accuracy")


def by_brightness(
    table: pd.DataFrame, threshold: float, *, draws: int, seed: int
) -> list[dict[str, Any]]:
    """Return the figures of each third of the patches by brightness, the darkest first.

    Patches of equal brightness are in one third; one that gets none is left out.

    Args:
        table: Columns brightness (mean level, 0..255), label (0 or 1), probability (0..1), group.
        threshold: From which on a patch counts as positive.
        draws: Bootstrap samples of whole groups.
        seed: Seed of the draws.

    Returns:
        By third: third (see `THIRDS`), low and high (its brightness, 0..255), patches, positive
        (how many), groups; and `scores`, auc and accuracy as (value, low end, high end of the 95 %
        interval), or None where only one class is there.
    """
    bounds = np.quantile(table["brightness"], (1 / 3, 2 / 3))
    number = np.searchsorted(bounds, table["brightness"])
    return [
        {
            "third": name,
            "low": float(part["brightness"].min()),
            "high": float(part["brightness"].max()),
            "patches": len(part),
            "positive": int(part["label"].sum()),
            "groups": int(part["group"].nunique()),
            "scores": _scores(part, threshold, draws, seed),
        }
        for place, name in enumerate(THIRDS)
        for part in [table[number == place]]
        if len(part)
    ]


def _scores(
    part: pd.DataFrame, threshold: float, draws: int, seed: int
) -> dict[str, list[float]] | None:
    if part["label"].nunique() < 2:
        return None
    labels, probabilities = part["label"].to_numpy(), part["probability"].to_numpy()
    groups = part["group"].to_numpy()
    values = scores(labels, probabilities, threshold)
    found = intervals(labels, probabilities, groups, threshold, draws=draws, seed=seed)
    return {name: [values[name], *found[name]] for name in _SHOWN}
