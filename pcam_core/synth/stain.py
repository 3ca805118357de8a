"""Haematoxylin and eosin in optical-density space."""

from dataclasses import dataclass

import numpy as np

from pcam_core.stains import EOSIN, HAEMATOXYLIN
from pcam_core.synth.draws import Floats, normals

_VARIATION = 0.04


@dataclass(frozen=True)
class Stain:
    """The two dyes of one slide.

    The vectors are those of Ruifrok and Johnston, "Quantification of histochemical staining by
    color deconvolution" (Analytical and Quantitative Cytology and Histology 23, 2001).

    Attributes:
        haematoxylin: Optical density of red, green and blue for one unit of the dye, each > 0.
        eosin: The same for eosin.
    """

    haematoxylin: tuple[float, float, float] = HAEMATOXYLIN
    eosin: tuple[float, float, float] = EOSIN


def draw_stain(rng: np.random.Generator) -> Stain:
    """The published vectors, each part moved by a deviation of .04: slides differ in their dyes."""
    shift = _VARIATION * normals(rng, 6)
    parts = [
        max(0.03, part + float(step))
        for part, step in zip(HAEMATOXYLIN + EOSIN, shift, strict=True)
    ]
    return Stain((parts[0], parts[1], parts[2]), (parts[3], parts[4], parts[5]))


def absorb(haematoxylin: Floats, eosin: Floats, stain: Stain) -> Floats:
    """Optical density of stained tissue by the law of Beer and Lambert.

    Args:
        haematoxylin: (96, 96) float64, amount of the dye, >= 0; about 1 in a dark nucleus.
        eosin: (96, 96) float64, the same; about 1 in dense collagen.
        stain: Absorption of the dyes.

    Returns:
        (3, 96, 96) float64, natural optical density of red, green and blue, >= 0.
    """
    return np.stack(
        [
            blue_dye * haematoxylin + pink_dye * eosin
            for blue_dye, pink_dye in zip(stain.haematoxylin, stain.eosin, strict=True)
        ]
    )
