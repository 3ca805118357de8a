"""What a patch of each class counts in the loss."""

from typing import Literal

import numpy as np
import numpy.typing as npt


def class_weights(
    labels: npt.ArrayLike, kind: Literal["none", "balanced"]
) -> npt.NDArray[np.float32]:
    """Return the weights of label 0 and label 1, float32 (2,); the mean over patches is one.

    Args:
        labels: 0 or 1, of all training patches.
        kind: "balanced" gives both classes the same sum of weights; "none" gives ones.
    """
    counts = np.bincount(np.asarray(labels, dtype=np.int64), minlength=2)
    if kind == "none" or not counts.all():
        return np.ones(2, np.float32)
    return np.asarray(counts.sum() / (2 * counts), np.float32)
