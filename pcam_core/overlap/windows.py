"""Few windows of each patch, chosen by what is in them and not by where the patch was cut.

Winnowing (Schleimer, Wilkerson and Aiken, "Winnowing: local algorithms for document
fingerprinting", SIGMOD 2003, the method of MOSS) in two dimensions: every window gets a rolling
hash (Karp and Rabin, "Efficient randomized pattern-matching algorithms", IBM Journal of Research
and Development 31(2), 1987), and the smallest hash of every square of neighbouring windows is
kept. Two patches that share such a square keep the same window in it.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from pcam_core.overlap.scramble import Colours, Words, scramble

_RUN = 8
_STEPS = (1, 2, 4)  # doubling: runs of 2, 4 and 8
WINDOW = _RUN + 1
CERTAIN = WINDOW + _RUN - 1
INFORMATIVE = 48

_ROWS, _COLUMNS = 1, 2
_EXCLUDED = 2**64 - 1
_FACTORS = {_ROWS: 0xD1342543DE82EF95, _COLUMNS: 0xDA942042E4DD58B5}  # odd, else arbitrary

Counts = npt.NDArray[np.uint8]
Array = TypeVar("Array", Words, Counts)


class Windows(NamedTuple):
    """Chosen windows, in order of their patches.

    Attributes:
        hashes: uint64 (n,), equal for equal pixels.
        patches: int32 (n,), index of the patch.
        rows: int16 (n,), 0..87, of the window's upper left pixel.
        columns: int16 (n,), 0..87.
    """

    hashes: Words
    patches: npt.NDArray[np.int32]
    rows: npt.NDArray[np.int16]
    columns: npt.NDArray[np.int16]


def choose_windows(colour: Colours) -> Windows:
    """Return the windows of WINDOW x WINDOW pixels to remember of each patch, about 330 of 7,744.

    Any CERTAIN x CERTAIN pixels that hold an informative window hold a chosen one, the same one
    in every patch that has these pixels. CERTAIN is 16 since that is the smallest overlap in
    PCam, whose patches lie on a grid of 16 pixels: of 1,211 pairs in a real sample, windows of 17
    pixels (certain from 32) find 879, those of 9 all, and those of 5 (certain from 8) no more for
    3.6 times the memory. A window of 9 pixels is in no single block of the JPEG that scanners
    store: 8x8 blocks with few coefficients repeat by chance.

    A window is informative if INFORMATIVE of its 64 cells of 2x2 pixels change both across and
    down: glass, saturated white and straight edges do not. Chance decides how many: the 46
    million windows of 6,000 real patches have 540 equal pairs in unrelated patches at 4 or 5
    such cells, 24 at 16 to 19, 3 at 24 to 27 and none above; they halve with every four cells.
    48 is as far again, for data sets with a thousand times the pairs, and excludes 8 %.

    Args:
        colour: uint32 (patches, 96, 96), see `colours`.
    """
    hashes = _hashes(colour)
    hashes[_busy_cells(colour) < INFORMATIVE] = _EXCLUDED
    least = hashes
    for axis in (_ROWS, _COLUMNS):
        least = _over_runs(least, axis, np.minimum)
    # The smallest of some square: the largest of the minima of the squares around it.
    for axis in (_ROWS, _COLUMNS):
        margin = [(_RUN - 1, _RUN - 1) if other == axis else (0, 0) for other in range(3)]
        least = _over_runs(np.pad(least, margin), axis, np.maximum)
    chosen = (least == hashes) & (hashes != _EXCLUDED)
    patches, rows, columns = np.nonzero(chosen)
    return Windows(
        hashes[chosen], patches.astype(np.int32), rows.astype(np.int16), columns.astype(np.int16)
    )


def _hashes(colour: Colours) -> Words:
    """Return the hash of every window, uint64 (patches, 88, 88)."""
    hashes = scramble(colour)
    for axis, factor in _FACTORS.items():
        last = _from(hashes, _RUN, axis)
        for step in _STEPS:
            power = pow(factor, step, 2**64)
            hashes = _until(hashes, -step, axis) * power + _from(hashes, step, axis)
        hashes = _until(hashes, -1, axis) * factor + last
    return scramble(hashes)


def _busy_cells(colour: Colours) -> Counts:
    """Return how many 2x2 cells of every window change both ways, uint8 (patches, 88, 88)."""
    across = colour[:, :, 1:] != colour[:, :, :-1]
    down = colour[:, 1:] != colour[:, :-1]
    busy = (across[:, 1:] | across[:, :-1]) & (down[:, :, 1:] | down[:, :, :-1])
    counts: Counts = busy.view(np.uint8)
    for axis in (_ROWS, _COLUMNS):
        counts = _over_runs(counts, axis, np.add)
    return counts


def _over_runs(values: Array, axis: int, combine: Callable[[Array, Array], Array]) -> Array:
    """Combine every _RUN neighbours along an axis by doubling; it gets _RUN - 1 shorter."""
    for step in _STEPS:
        values = combine(_until(values, -step, axis), _from(values, step, axis))
    return values


def _from(values: Array, start: int, axis: int) -> Array:
    return values[:, start:] if axis == _ROWS else values[:, :, start:]


def _until(values: Array, stop: int, axis: int) -> Array:
    return values[:, :stop] if axis == _ROWS else values[:, :, :stop]
