"""Numbers that look random, made from numbers that do not."""

import numpy as np
import numpy.typing as npt

from pcam_core.patches import Pixels

Words = npt.NDArray[np.uint64]
Colours = npt.NDArray[np.uint32]

_BYTE = np.uint32(8)
_STEP = np.uint64(0x9E3779B97F4A7C15)
_ROUNDS = (
    (np.uint64(30), np.uint64(0xBF58476D1CE4E5B9)),
    (np.uint64(27), np.uint64(0x94D049BB133111EB)),
)
_LAST = np.uint64(31)


def colours(pixels: Pixels) -> Colours:
    """Return uint8 RGB pixels (..., 3) as one number 0..2**24 - 1 each, uint32 (...)."""
    wide = pixels.astype(np.uint32)
    number: Colours = wide[..., 0] << _BYTE * 2 | wide[..., 1] << _BYTE | wide[..., 2]
    return number


def scramble(values: npt.NDArray[np.unsignedinteger]) -> Words:
    """Return uint64 of the same shape: different values give different, patternless words.

    The output function of SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom
    number generators", OOPSLA 2014), a permutation of the 64-bit words.
    """
    words: Words = values.astype(np.uint64) + _STEP
    for shift, factor in _ROUNDS:
        words = (words ^ (words >> shift)) * factor
    return words ^ (words >> _LAST)
