"""PCam's rule for the label of a patch."""

import numpy as np
from numpy.typing import NDArray

SIZE = 96
"""Side of a patch in pixels."""
CENTRE = slice(32, 64)
"""Rows and columns of the centre that alone decides the label."""


def label_of(tumour: NDArray[np.bool_]) -> int:
    """1 if at least one pixel of the centre 32x32 is tumour, else 0.

    The rule of Veeling et al., "Rotation Equivariant CNNs for Digital Pathology" (2018); tumour in
    the outer 32 pixels does not count.

    Args:
        tumour: (96, 96) bool, True where the tissue is tumour.
    """
    return int(tumour[CENTRE, CENTRE].any())
