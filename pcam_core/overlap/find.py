"""All pairs of patches that share pixels."""

from collections.abc import Callable, Iterable, Sequence

import pandas as pd

from pcam_core.overlap.candidates import candidates, hash_patches
from pcam_core.overlap.verify import verify
from pcam_core.patches import Pixels
from pcam_core.progress import track


def find_overlaps(
    ids: Sequence[str], patches: Callable[[Sequence[str]], Iterable[Pixels]]
) -> pd.DataFrame:
    """Return the pairs of patches that were cut from overlapping places, or are turned copies.

    A pair is found for certain where its patches share a rectangle of at least 16 x 16 pixels
    (CERTAIN) that holds an informative window (see `choose_windows`), whatever its offset; only
    where more than 65 patches share a window may some of their pairs be missing, and then the
    others still link all of these patches. Smaller overlaps are found by luck, and dropped below
    16 * 16 pixels. A pair counts only if the whole rectangle that its patches share at an offset
    is equal in every pixel and holds an informative window, so that glass joins nothing. What has
    been compressed again after it was cut shares no exact pixels and is not found.

    Args:
        ids: Names of the patches, all different, in any order.
        patches: Yields the patches that it is asked for, in that order, each uint8 (96, 96, 3).
            It is asked once for all, then by and by for those that candidate pairs need: most
            of these once more. The answers to each later request are kept until it is done.

    Returns:
        One row a pair and offset, sorted: first, second (ids, first < second), dy, dx (pixels,
        -95..95: `first[y + dy, x + dx] == second[y, x]` wherever both exist), transform (one of
        TRANSFORMS: first is second so transformed; "identity" for all but turned copies, which
        have dy = dx = 0) and shared_pixels (256..9,216).

    Raises:
        ValueError: An id is given twice, or `patches` yields too few or too many.
    """
    names = sorted(ids)
    if len(set(names)) < len(names):
        raise ValueError("an id is given twice")
    named = track(zip(names, patches(names), strict=True), "Hash windows", len(names))
    return verify(names, candidates(*hash_patches(pixels for _, pixels in named)), patches)
