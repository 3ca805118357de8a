"""How much of each stain a patch holds.

After Ruifrok and Johnston, "Quantification of histochemical staining by color deconvolution"
(Analytical and Quantitative Cytology and Histology 23, 2001): stains add up in optical density,
so that the amounts follow from it by a 3x3 matrix.
"""

import numpy as np
import numpy.typing as npt

from pcam_core.exploration.levels import LEVELS
from pcam_core.stains import STAINS

Floats = npt.NDArray[np.float64]

_STEPS = 1 << 16  # to a unit of density: in whole numbers sums are exact
_DENSITY = -np.log10((np.arange(LEVELS) + 1) / LEVELS)
_TABLE = np.rint(_DENSITY * _STEPS).astype(np.int64)


def mean_density(counts: npt.NDArray[np.int64]) -> Floats:
    """Return the mean optical density of patches, -log10((level + 1) / 256).

    Args:
        counts: (n, 3, 256), pixels by channel and level; none of them empty.

    Returns:
        float64 (n, 3) for red, green and blue: 0 for white to 2.41 for black.
    """
    density: Floats = (counts @ _TABLE) / (_STEPS * counts.sum(axis=-1))
    return density


def stain_amounts(density: Floats) -> Floats:
    """Separate haematoxylin from eosin.

    What neither explains goes to a third direction at right angles to both.

    Args:
        density: (n, 3), optical density of red, green and blue.

    Returns:
        float64 (n, 2), haematoxylin and eosin as the optical density of each stain alone: the
        length of its share of the density vector. A little below 0 where a colour lies outside
        of what the two stains can make.
    """
    inverse = np.linalg.inv(STAINS)[:, :2]
    # Not `density @ inverse`, whose last digit may depend on how many rows there are.
    amounts: Floats = (density[:, :, None] * inverse).sum(axis=1)
    return amounts
