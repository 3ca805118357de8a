"""Exact copies of a patch under the eight flips and turns."""

from functools import cache
from typing import TypeVar

import numpy as np

from pcam_core.overlap.scramble import Colours, Words, scramble
from pcam_core.patches import SIDE, Pixels

Array = TypeVar("Array", Words, Pixels)

IDENTITY = "identity"
TRANSFORMS = (
    IDENTITY,
    "turn90",
    "turn180",
    "turn270",
    "mirror",
    "mirror_turn90",
    "mirror_turn180",
    "mirror_turn270",
)


def transformed(pixels: Pixels, transform: str) -> Pixels:
    """Return a square patch (side, side, 3) flipped and turned, as a view.

    Args:
        pixels: The patch.
        transform: One of TRANSFORMS: mirrored left to right where it says so, then turned
            counter-clockwise by that many degrees.
    """
    return _transformed(pixels, TRANSFORMS.index(transform))


def _transformed(values: Array, number: int) -> Array:
    return np.rot90(values[:, ::-1] if number >= 4 else values, number % 4)


def copy_hashes(colour: Colours) -> Words:
    """Return one hash a patch, uint64 (patches,), that is the same for all flips and turns of it.

    The smallest of eight weighted sums (Carter and Wegman, "Universal classes of hash
    functions", Journal of Computer and System Sciences 18(2), 1979), one for each way to lay the
    weights.

    Args:
        colour: uint32 (patches, 96, 96), see `colours`.
    """
    words = scramble(colour).reshape(len(colour), -1)
    least: Words = (words @ _weights()).min(axis=1)
    return least


@cache
def _weights() -> Words:
    """Return random weights laid in eight ways, uint64 (9216, 8)."""
    laid = scramble(np.arange(SIDE * SIDE, dtype=np.uint64)).reshape(SIDE, SIDE)
    return np.stack([_transformed(laid, number).ravel() for number in range(8)], axis=1)
