"""Edges by Sobel's filter."""

import numpy as np
import numpy.typing as npt

from pcam_core.patches import Pixels

# Brightness of red, green and blue in 256ths, after ITU-R BT.709.
_GREY = (54, 183, 19)
# Larger intermediate arrays are handed back to the system after each step, and fetched again:
# four times as slow.
_AT_ONCE = 4
_WEIGHT = 8  # of one side of the filter: 1 + 2 + 1, two pixels apart


def edge_strength(batch: Pixels) -> npt.NDArray[np.float64]:
    """Return how steep patches are: the root of the mean squared gradient of their brightness.

    Args:
        batch: uint8 (n, height, width, 3), RGB, 0..255; at least 3x3 pixels.

    Returns:
        float64 (n,), levels a pixel, 0 to about 180; the outermost pixels are left out.
    """
    sums = np.empty(len(batch), np.int64)
    for start in range(0, len(batch), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        sums[some] = _squared_gradient(batch[some]).sum(axis=(1, 2), dtype=np.int64)
    height, width = batch.shape[1:3]
    strength: npt.NDArray[np.float64] = np.sqrt(sums / ((height - 2) * (width - 2))) / _WEIGHT
    return strength


def edge_map(patch: Pixels) -> npt.NDArray[np.float64]:
    """Return the gradient of a patch's brightness.

    Args:
        patch: uint8 (height, width, 3), RGB, 0..255; at least 3x3 pixels.

    Returns:
        float64 (height - 2, width - 2), levels a pixel, 0 to about 180.
    """
    gradient: npt.NDArray[np.float64] = np.sqrt(_squared_gradient(patch[None])[0]) / _WEIGHT
    return gradient


def _squared_gradient(batch: Pixels) -> npt.NDArray[np.int32]:
    red, green, blue = (
        batch[..., channel].astype(np.uint16) * share for channel, share in enumerate(_GREY)
    )
    grey = ((red + green + blue) >> 8).astype(np.int16)
    along_y = grey[:, :-2] + 2 * grey[:, 1:-1] + grey[:, 2:]
    x = (along_y[:, :, 2:] - along_y[:, :, :-2]).astype(np.int32)
    along_x = grey[:, :, :-2] + 2 * grey[:, :, 1:-1] + grey[:, :, 2:]
    y = (along_x[:, 2:] - along_x[:, :-2]).astype(np.int32)
    return x * x + y * y
