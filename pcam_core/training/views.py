"""The flips and quarter turns under which a patch is looked at when it is scored."""

from collections.abc import Iterator
from typing import Literal

import numpy as np

from pcam_core.patches import Pixels

Views = Literal[1, 4, 8]
"""How many elements of the dihedral group: the patch itself, its quarter turns, or all eight."""


def views_of(patches: Pixels, views: Views) -> Iterator[Pixels]:
    """Yield the patches (n, side, side, 3) under each view, the untouched ones first."""
    for mirrored in (False, True)[: 2 if views == 8 else 1]:
        seen = patches[:, :, ::-1] if mirrored else patches
        for turns in range(1 if views == 1 else 4):
            yield np.rot90(seen, turns, (1, 2))
