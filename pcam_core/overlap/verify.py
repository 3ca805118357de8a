"""Candidate pairs compared pixel by pixel."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import reverse_cuthill_mckee

from pcam_core.overlap.candidates import Candidates
from pcam_core.overlap.copies import IDENTITY, TRANSFORMS, transformed
from pcam_core.overlap.equal import Indices
from pcam_core.patches import SIDE, Pixels
from pcam_core.progress import Meter

_PIECE = 2**15  # pairs whose patches are in memory at once: 1.8 GB at the most

_COLUMNS = ("first", "second", "dy", "dx", "transform", "shared_pixels")


def verify(
    ids: Sequence[str], found: Candidates, patches: Callable[[Sequence[str]], Iterable[Pixels]]
) -> pd.DataFrame:
    """Return the candidates that are equal in every pixel they share; see `find_overlaps`.

    Each piece of the pairs asks for its patches once. Pairs that hang together lie in one piece
    or in the next, so that few patches are asked for again.
    """
    meter = Meter("Compare shared pixels", len(found.first))
    rows = []
    for piece in _pieces(found, len(ids)):
        needed = np.unique([found.first[piece], found.second[piece]]).tolist()
        pixels = dict(zip(needed, patches([ids[index] for index in needed]), strict=True))
        for pair in piece.tolist():
            first, second = int(found.first[pair]), int(found.second[pair])
            dy, dx, turned = int(found.dy[pair]), int(found.dx[pair]), bool(found.turned[pair])
            one = _shared(pixels[first], dy, dx)
            other = _shared(pixels[second], -dy, -dx)
            transform = _transform(one, other, TRANSFORMS if turned else (IDENTITY,))
            # A copy that is not turned has been found by its windows too.
            if transform and (transform != IDENTITY or not turned):
                size = one.shape[0] * one.shape[1]
                rows.append((ids[first], ids[second], dy, dx, transform, size))
        meter.advance(len(piece))
    rows.sort()
    texts = {"first": "str", "second": "str", "transform": "str"}
    numbers = dict.fromkeys(("dy", "dx", "shared_pixels"), "int64")
    return pd.DataFrame(rows, columns=list(_COLUMNS)).astype(texts | numbers)


def _pieces(found: Candidates, count: int) -> Iterator[Indices]:
    """Yield indices of pairs, those of neighbours in the graph of all pairs near each other."""
    if not len(found.first):
        return
    ends = np.stack([found.first, found.second])
    both = np.concatenate([ends, ends[::-1]], axis=1)
    graph = coo_matrix((np.ones(both.shape[1], np.int8), both), shape=(count, count)).tocsr()
    place = np.argsort(reverse_cuthill_mckee(graph, symmetric_mode=True))
    order = np.argsort(place[ends].min(axis=0), kind="stable")
    yield from np.array_split(order, -(-len(order) // _PIECE))


def _shared(pixels: Pixels, dy: int, dx: int) -> Pixels:
    """Return the part of a patch that lies in another one, dy rows below and dx to the right."""
    return pixels[max(dy, 0) : SIDE + min(dy, 0), max(dx, 0) : SIDE + min(dx, 0)]


def _transform(one: Pixels, other: Pixels, tried: Sequence[str]) -> str | None:
    """Return the first transform of `tried` that makes the other one equal to the one."""
    return next((t for t in tried if np.array_equal(one, transformed(other, t))), None)
