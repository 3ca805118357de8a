"""Sums over the patches of each kind."""

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[np.integer]


class Sums:
    """Adds whole numbers up by kind: exact, so that neither order nor batches matter.

    Args:
        kinds: How many kinds there are.
        shape: Of what belongs to one patch.

    Attributes:
        totals: int64 (kinds, *shape).
    """

    def __init__(self, kinds: int, shape: tuple[int, ...]) -> None:
        self.totals = np.zeros((kinds, *shape), np.int64)

    def add(self, values: Integers, kinds: Integers) -> None:
        """Add values (n, *shape) of n patches, each of the kind (n,) that stands beside it."""
        for kind in np.unique(kinds):
            self.totals[kind] += values[kinds == kind].sum(axis=0, dtype=np.int64)
