"""One pass over patches that gathers everything the figures need of their pixels."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from pcam_core.exploration.edges import edge_strength
from pcam_core.exploration.levels import LEVELS, level_counts
from pcam_core.exploration.optical_density import mean_density, stain_amounts
from pcam_core.exploration.sums import Sums
from pcam_core.patches import SIDE, Pixels

KINDS = ("no tumour", "tumour", "test")
"""What patches are summed up as: the two labels, and those to be predicted."""
TEST = 2

MEASURES = ("haematoxylin", "eosin", "haematoxylin_centre", "eosin_centre", "edges")
"""What `Survey.measures` returns of every patch."""

CENTRE = slice(SIDE // 3, 2 * SIDE // 3)
"""The rows and columns that a label speaks of."""


class Survey:
    """Sums by kind, and a few numbers of every patch. Batches and their order do not matter.

    Attributes:
        levels: `totals` int64 (3 kinds, 3 channels, 256 levels): pixels.
        patches: `totals` int64 (3 kinds, 96, 96, 3): added-up pixels.
    """

    def __init__(self) -> None:
        self.levels = Sums(len(KINDS), (3, LEVELS))
        self.patches = Sums(len(KINDS), (SIDE, SIDE, 3))
        self._measures: list[npt.NDArray[np.float32]] = []

    def add(self, batch: Pixels, kinds: npt.NDArray[np.integer]) -> None:
        """Take uint8 patches (n, 96, 96, 3), RGB, 0..255, and the kind (n,) of each."""
        whole, centre = level_counts(batch), level_counts(batch[:, CENTRE, CENTRE])
        self.levels.add(whole, kinds)
        self.patches.add(batch, kinds)
        stains, inside, around = (
            stain_amounts(mean_density(counts)) for counts in (whole, centre, whole - centre)
        )
        rows = np.hstack([stains, inside - around, edge_strength(batch)[:, None]])
        self._measures.append(rows.astype(np.float32))

    def measures(self) -> pd.DataFrame:
        """Return a row a patch in the order in which they came, float32.

        Columns: haematoxylin and eosin, the mean optical density of each;
        haematoxylin_centre and eosin_centre, that of the centre 32x32 pixels less that around
        them; and edges, see `edge_strength`.
        """
        rows = np.concatenate([np.empty((0, len(MEASURES)), np.float32), *self._measures])
        return pd.DataFrame(rows, columns=list(MEASURES))


def batches(patches: Iterator[Pixels], size: int) -> Iterator[Pixels]:
    """Yield uint8 (up to `size`, 96, 96, 3) until there are no more patches."""
    gathered: list[Pixels] = []
    for patch in patches:
        gathered.append(patch)
        if len(gathered) == size:
            yield np.stack(gathered)
            gathered = []
    if gathered:
        yield np.stack(gathered)
