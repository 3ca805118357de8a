"""Smooth random fields, the raw material of every tissue texture."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from pcam_core.synth.draws import Floats, noise
from pcam_core.synth.label import SIZE

_TAPS = 4
_SPLINE_DEVIATION = 0.464


@lru_cache(maxsize=64)
def _taps(cells: float) -> tuple[NDArray[np.intp], Floats]:
    """First knot (SIZE,) and cubic B-spline weights (4, SIZE) of every pixel along one axis."""
    where = (np.arange(SIZE) + 0.5) / SIZE * cells
    knot = np.floor(where).astype(np.intp)
    t = where - knot
    weights = np.stack(
        [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
    )
    return knot, weights / 6.0


def smooth(rng: np.random.Generator, scale: float) -> Floats:
    """(96, 96) float64 field of mean 0 and deviation about 1 whose blobs are `scale` pixels wide.

    White noise on a coarse grid, enlarged by cubic B-splines. The sums are written out, because a
    matrix product's order of summation differs between BLAS libraries.

    Args:
        rng: Source of randomness.
        scale: Distance of the grid's points in pixels, at least 1.
    """
    knot, weights = _taps(SIZE / scale)
    points = int(knot[-1]) + _TAPS
    grid = noise(rng, (points, points))
    along = np.ascontiguousarray(_enlarge(grid, knot, weights).T)
    return _enlarge(along, knot, weights / _SPLINE_DEVIATION)


def _enlarge(grid: Floats, knot: NDArray[np.intp], weights: Floats) -> Floats:
    total: Floats = weights[0][:, None] * grid.take(knot, axis=0)
    for tap in range(1, _TAPS):
        total += weights[tap][:, None] * grid.take(knot + tap, axis=0)
    return total


def step(field: Floats, softness: float) -> Floats:
    """Soft edge: 0 where `field` < -softness, 1 where > softness, smooth between."""
    t = np.clip(field / (2.0 * softness) + 0.5, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def above_share(field: Floats, share: float) -> float:
    """The level above which `share` (0..1) of `field` lies, judged by every fourth pixel."""
    ranked = np.sort(field[::2, ::2], axis=None)
    return float(ranked[min(int((1.0 - share) * ranked.size), ranked.size - 1)])
