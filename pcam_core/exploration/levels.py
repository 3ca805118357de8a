"""How many pixels of a patch have each level."""

import numpy as np
import numpy.typing as npt

from pcam_core.patches import Pixels

LEVELS = 256


def level_counts(batch: Pixels) -> npt.NDArray[np.int64]:
    """Count the pixels of each level.

    Args:
        batch: uint8 (n, height, width, 3), RGB, 0..255.

    Returns:
        int64 (n, 3, 256): pixels of each patch by channel and level.
    """
    rows = batch.reshape(len(batch), -1)
    bins = np.tile(np.arange(3, dtype=np.uint16) * LEVELS, rows.shape[1] // 3)
    # Patch by patch, so that what is counted stays in the processor's cache.
    counts = [np.bincount(row + bins, minlength=3 * LEVELS) for row in rows]
    return np.array(counts, np.int64).reshape(len(batch), 3, LEVELS)
