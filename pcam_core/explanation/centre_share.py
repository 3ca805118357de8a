"""How much of a heat map lies in the centre of the patch."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from pcam_core.bootstrap import interval_of_mean

CENTRE = 32
"""Side, in pixels of the raw patch, of the centre square that the label speaks of."""

_DRAWS = 2000
_SEED = 42
_TINY = np.finfo(np.float64).tiny


def centre_shares(maps: npt.NDArray[Any], region: int) -> npt.NDArray[np.float64]:
    """Return the share, 0..1, of each map's magnitude inside the centre 32x32 pixels.

    Args:
        maps: Float (n, side, side), of any sign and scale.
        region: Side, in pixels of the raw patch, of what the maps show: 32, 64 or 96.

    Returns:
        float64 (n,); NaN where a map is empty.
    """
    side = maps.shape[1]
    half = side * CENTRE / region / 2
    edges = np.clip(np.arange(side + 1), side / 2 - half, side / 2 + half)
    inside = np.diff(edges)  # of each row and column, how much lies inside
    magnitude = np.abs(maps, dtype=np.float64)
    total = magnitude.sum(axis=(1, 2))
    within = np.einsum("nyx,y,x->n", magnitude, inside, inside)
    shares: npt.NDArray[np.float64] = np.where(total > 0, within / np.maximum(total, _TINY), np.nan)
    return shares


def uniform_share(region: int) -> float:
    """Return the share of a map that is the same everywhere: 1/9 of whole patches."""
    return (CENTRE / region) ** 2


def mean_with_interval(values: "pd.Series[float]", groups: "pd.Series[str]") -> dict[str, Any]:
    """Return the mean of what is no NaN, and its 95 % bootstrap interval over whole groups.

    Args:
        values: One a patch.
        groups: The group of each.

    Returns:
        `mean` and `interval`, None where there is no value, and how many there are: `count`.
    """
    known = values.notna().to_numpy()
    if not known.any():
        return {"mean": None, "interval": None, "count": 0}
    number = values[known].to_numpy(np.float64)
    interval = interval_of_mean(number, groups[known].to_numpy(), draws=_DRAWS, seed=_SEED)
    return {"mean": float(number.mean()), "interval": list(interval), "count": len(number)}
