"""What one random change of patches is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Draws = tuple[npt.NDArray[Any], ...]
"""Arrays (n, ...), a row a patch."""


@dataclass(frozen=True)
class Operation:
    """A random change of patches that leaves the label as it is.

    All that is random is drawn beforehand for the whole batch, so that the change itself can be
    made anywhere: by NumPy patch by patch, which keeps a patch in the processor's cache, or by
    `keras.ops` on the whole batch, on the device.

    Attributes:
        name: Its name in the registry.
        draw: Takes a generator, the number of patches, their side in pixels, and a strength, >= 0,
            that all ranges are multiplied by; returns the draws.
        change: Takes images (n, side, side, 3), RGB, 0..255, uint8 or float32, the draws, and
            `xp`: `numpy` or `keras.ops`, whichever the images belong to. Returns images of the
            same shape and range: uint8 if it got uint8 and only moved pixels, else float32.
    """

    name: str
    draw: Callable[[np.random.Generator, int, int, float], Draws]
    change: Callable[..., Any]
