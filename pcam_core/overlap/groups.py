"""Groups of patches that hang together by overlaps."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components


def overlap_groups(ids: Sequence[str], pairs: pd.DataFrame) -> dict[str, str]:
    """Return the group of every id, named by the smallest id in it.

    Patches that share pixels, directly or through others, are in one group; a patch that shares
    none is alone in its own.

    Args:
        ids: All patches.
        pairs: Columns first and second; see `find_overlaps`.

    Raises:
        ValueError: A pair names an id that is not among `ids`.
    """
    names = sorted(ids)
    index = pd.Index(names)
    first, second = (index.get_indexer(pd.Index(pairs[end])) for end in ("first", "second"))
    if min(first.min(initial=0), second.min(initial=0)) < 0:
        raise ValueError("a pair names an id that is not among the patches")
    links = coo_matrix((np.ones(len(first)), (first, second)), shape=(len(names), len(names)))
    _, component = connected_components(links, directed=False)
    smallest: dict[int, str] = {}
    return {
        name: smallest.setdefault(number, name)
        for name, number in zip(names, component.tolist(), strict=True)
    }
