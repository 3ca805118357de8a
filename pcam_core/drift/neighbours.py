"""How unusual the looks of a patch are."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

_NEIGHBOUR = 5
_LEAST_DEVIATION = 1e-6


@dataclass(frozen=True)
class Neighbours:
    """Known points, of whose surroundings everything is taken for usual.

    As Sun et al., "Out-of-distribution detection with deep nearest neighbors", 2022
    (arXiv:2204.06507), do with features. Unlike a normal distribution it leaves holes: white is
    usual, and so are steep edges, but not steep edges on white.

    Attributes:
        mean: (measures,), of the points as they were measured.
        deviation: (measures,), likewise, above 0.
        points: float32 (n, measures), in deviations from the mean.
    """

    mean: Floats
    deviation: Floats
    points: Floats

    def distance(self, values: Floats) -> npt.NDArray[np.float64]:
        """Return how far the fifth nearest point is, or the farthest of fewer, in deviations.

        Args:
            values: (n, measures), as measured, finite.

        Returns:
            float64 (n,), 0 or more.
        """
        from scipy.spatial import KDTree

        nearest = [min(_NEIGHBOUR, len(self.points))]
        found, _ = KDTree(self.points).query((values - self.mean) / self.deviation, nearest)
        distances: npt.NDArray[np.float64] = found[:, 0]
        return distances


def fit_neighbours(values: Floats) -> Neighbours:
    """Take points for known.

    Args:
        values: (n, measures), n at least 1, finite.
    """
    mean, deviation = values.mean(axis=0), np.maximum(values.std(axis=0), _LEAST_DEVIATION)
    return Neighbours(mean, deviation, ((values - mean) / deviation).astype(np.float32))
