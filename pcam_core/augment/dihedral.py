"""The eight flips and quarter turns; tissue has no up."""

from typing import Any

import numpy as np

from pcam_core.augment.operation import Draws, Operation
from pcam_core.augment.pixel_moves import moved


def draw(rng: np.random.Generator, count: int, side: int, strength: float) -> Draws:
    """Draw one of the eight, all equally likely at any strength.

    Returns:
        bool (n, 1, 1), whether the image is transposed, after it has been flipped; and int32
        (n, side, 1) and (n, 1, side), the order of the rows and of the columns.
    """
    del strength
    transposed, *flipped = rng.integers(0, 2, (3, count, 1)).astype(bool)
    along = np.arange(side, dtype=np.int32)
    rows, columns = (np.where(flip, along[::-1], along) for flip in flipped)
    return transposed[:, :, None], rows[:, :, None], columns[:, None, :]


def change(images: Any, transposed: Any, rows: Any, columns: Any, *, xp: Any) -> Any:
    """Move pixels only."""
    turned_rows = xp.where(transposed, columns, rows)
    turned_columns = xp.where(transposed, rows, columns)
    return moved(images, turned_rows, turned_columns, xp=xp)


OPERATION = Operation("dihedral", draw, change)
