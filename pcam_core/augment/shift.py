"""A small move by whole pixels."""

import numpy as np

from pcam_core.augment.operation import Draws, Operation
from pcam_core.augment.pixel_moves import moved

SHARE = 0.04


def draw(rng: np.random.Generator, count: int, side: int, strength: float) -> Draws:
    """Draw a move along each axis of up to .04 of the side, rounded: 4 pixels of 96.

    Returns:
        Two int32 arrays, (n, side, 1) and (n, 1, side): where the rows and the columns of the
        output come from. What comes from outside is mirrored at the edge.
    """
    most = min(round(strength * SHARE * side), side - 1)
    places = np.arange(side) + rng.integers(-most, most, (2, count, 1), endpoint=True)
    last = side - 1
    rows, columns = (last - np.abs(last - np.abs(places))).astype(np.int32)
    return rows[:, :, None], columns[:, None, :]


OPERATION = Operation("shift", draw, moved)
