"""Pairs of patches that may share pixels, judged by hashes."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from pcam_core.overlap.copies import copy_hashes
from pcam_core.overlap.equal import Indices, equal_pairs
from pcam_core.overlap.scramble import Words, colours
from pcam_core.overlap.windows import CERTAIN, Windows, choose_windows
from pcam_core.patches import SIDE, Pixels

_BATCH = 16  # patches hashed at once: what the processor's cache holds
_PENDING = 2**24  # candidates in memory before the repeated ones are dropped
_MOST = 2**23  # patches that a key can number
_OFFSETS = 2 * SIDE - 1


@dataclass(frozen=True)
class Candidates:
    """Pairs to verify, each once, in order.

    Attributes:
        first: int64 (n,), index of a patch.
        second: int64 (n,), index of another, greater than `first`.
        dy: int64 (n,), -95..95, rows by which the second lies below the first.
        dx: int64 (n,), -95..95, columns by which it lies to the right.
        turned: bool (n,), a copy that may be flipped or turned, at dy = dx = 0.
    """

    first: Indices
    second: Indices
    dy: Indices
    dx: Indices
    turned: npt.NDArray[np.bool_]


def hash_patches(patches: Iterable[Pixels]) -> tuple[Windows, Words]:
    """Return the chosen windows and the `copy_hashes` of patches (96, 96, 3)."""
    none = choose_windows(np.empty((0, SIDE, SIDE), np.uint32))
    windows, copies, count = [none], [np.empty(0, np.uint64)], 0
    remaining = iter(patches)
    while batch := list(islice(remaining, _BATCH)):
        colour = colours(np.stack(batch))
        chosen = choose_windows(colour)
        windows.append(chosen._replace(patches=chosen.patches + np.int32(count)))
        copies.append(copy_hashes(colour))
        count += len(batch)
    return Windows(*map(np.concatenate, zip(*windows, strict=True))), np.concatenate(copies)


def candidates(windows: Windows, copies: Words) -> Candidates:
    """Return the pairs that have a chosen window in common, or are copies by their hash.

    Copies without a chosen window are left out: they hold too little to tell that they are.
    """
    keys = np.empty(0, np.int64)
    pending: list[Indices] = []
    for one, other in equal_pairs(windows.hashes):
        pending.append(_keys(windows, one, other))
        if sum(map(len, pending)) > _PENDING:
            keys, pending = np.unique(np.concatenate([keys, *pending])), []
    keys = np.unique(np.concatenate([keys, *pending]))
    first, second, dy, dx = _parts(keys)
    large = (SIDE - abs(dy)) * (SIDE - abs(dx)) >= CERTAIN**2
    informative = np.unique(windows.patches)
    alike = [informative[np.stack(pair)] for pair in equal_pairs(copies[informative])]
    one, other = np.concatenate([np.empty((2, 0), np.int64), *alike], axis=1)
    nowhere = np.zeros(len(one), np.int64)
    return Candidates(
        np.append(first[large], one),
        np.append(second[large], other),
        np.append(dy[large], nowhere),
        np.append(dx[large], nowhere),
        np.repeat([False, True], (large.sum(), len(one))),
    )


def _keys(windows: Windows, one: Indices, other: Indices) -> Indices:
    """Return (first, second, dy, dx) of pairs of windows as one sortable number each."""
    different = windows.patches[one] != windows.patches[other]
    one, other = one[different], other[different]
    dy = windows.rows[one] - windows.rows[other] + (SIDE - 1)
    dx = windows.columns[one] - windows.columns[other] + (SIDE - 1)
    pair = windows.patches[one].astype(np.int64) * _MOST + windows.patches[other]
    keys: Indices = (pair * _OFFSETS + dy) * _OFFSETS + dx
    return keys


def _parts(keys: Indices) -> tuple[Indices, Indices, Indices, Indices]:
    """Undo `_keys`."""
    rest, dx = np.divmod(keys, _OFFSETS)
    rest, dy = np.divmod(rest, _OFFSETS)
    first, second = np.divmod(rest, _MOST)
    return first, second, dy - (SIDE - 1), dx - (SIDE - 1)
