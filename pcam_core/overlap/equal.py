"""Pairs of equal hashes, in a number that stays proportional to the hashes."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pcam_core.overlap.scramble import Words

PARTNERS = 64
_PIECE = 2**18  # hashes whose pairs are in memory at once

Indices = npt.NDArray[np.int64]


def equal_pairs(hashes: Words) -> Iterator[tuple[Indices, Indices]]:
    """Yield pieces (i, j), i < j, of the pairs with `hashes[i] == hashes[j]`.

    Each is paired with the PARTNERS that follow it in the order of `hashes`: all, unless more
    than that are equal. Then the pairs still link all of them, but their number does not grow
    with the square.
    """
    order = np.argsort(hashes, kind="stable")
    ranked = hashes[order]
    same = ranked[1:] == ranked[:-1]
    repeated = np.append(same, False)
    repeated[1:] |= same
    order, ranked = order[repeated[: len(order)]], ranked[repeated[: len(order)]]
    for start in range(0, len(ranked), _PIECE):
        firsts, seconds = [], []
        for step in range(1, PARTNERS + 1):
            later = ranked[start + step : start + step + _PIECE]
            at = start + np.flatnonzero(ranked[start : start + len(later)] == later)
            if not at.size:
                break
            firsts.append(order[at])
            seconds.append(order[at + step])
        if firsts:
            yield np.concatenate(firsts), np.concatenate(seconds)
