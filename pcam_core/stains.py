"""The dyes of the usual stain.

Absorption of red, green and blue, of length 1 but for rounding, by Ruifrok and Johnston,
"Quantification of histochemical staining by color deconvolution" (Analytical and Quantitative
Cytology and Histology 23, 2001).
"""

import numpy as np
import numpy.typing as npt

HAEMATOXYLIN = (0.65, 0.70, 0.29)
"""Blue: nuclei."""
EOSIN = (0.07, 0.99, 0.11)
"""Pink: cytoplasm and collagen."""


def _unit_rows() -> npt.NDArray[np.float64]:
    stains = np.array([HAEMATOXYLIN, EOSIN, np.cross(HAEMATOXYLIN, EOSIN)])
    stains /= np.linalg.norm(stains, axis=1, keepdims=True)
    stains.setflags(write=False)
    return stains


STAINS = _unit_rows()
"""Rows of length 1: haematoxylin, eosin, and what neither explains, at right angles to both.

Amounts (n, 3) times it are optical densities of red, green and blue; those times its inverse are
amounts. Read-only float64.
"""
