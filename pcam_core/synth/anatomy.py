"""What lies in a patch: where tumour is and where the section is torn, fatty or empty."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcam_core.synth.appearance import Appearance
from pcam_core.synth.cells import CellShape, scatter
from pcam_core.synth.draws import Floats, choose, uniform
from pcam_core.synth.fields import above_share, smooth, step
from pcam_core.synth.label import CENTRE, SIZE

Mask = NDArray[np.bool_]

_WHOLE_PATCH = 0.6
_NEAR_TUMOUR = 0.3
_MARGIN = 5


@dataclass(frozen=True)
class Healthy:
    """The mixture of healthy tissue in a patch.

    Attributes:
        lymphocytes: Share of nuclei present in a packed field of lymphocytes, 0..1.
        fibres: Strength of collagen fibres, 0..1.
        radius: Mean radius of the nuclei in pixels.
        spacing: Mean distance of the nuclei in pixels.
    """

    lymphocytes: float
    fibres: float
    radius: float
    spacing: float


def draw_healthy(rng: np.random.Generator, share_white: float) -> Healthy:
    """Lymphoid (dense), sinus (loose) or stroma (fibres); airy patches have little lymphoid."""
    weights = (0.62, 0.22, 0.16) if share_white < 0.35 else (0.25, 0.35, 0.4)
    kind = choose(rng, weights)
    radius = uniform(rng, 2.5, 3.4)
    if kind == 0:
        return Healthy(uniform(rng, 0.85, 1.0), 0.15, radius, radius * uniform(rng, 2.0, 2.4))
    if kind == 1:
        spacing = radius * uniform(rng, 2.2, 2.8)
        return Healthy(uniform(rng, 0.35, 0.75), uniform(rng, 0.1, 0.6), radius, spacing)
    return Healthy(uniform(rng, 0.08, 0.4), 1.0, radius, radius * uniform(rng, 2.4, 3.0))


def white_share(look: Appearance) -> float:
    """Share of a patch, 0..0.97, that is brighter than .8 in all colours, judged by its green.

    Least squares over the 5,000 real patches behind `appearance`; residual deviation .06.
    """
    green, deviation = look.mean[1], look.deviation[1]
    share = 0.18 - 2.05 * green + 0.9 * deviation + 3.02 * green * green
    return min(max(share, 0.0), 0.97)


def draw_openings(rng: np.random.Generator, share_white: float) -> Floats:
    """(96, 96) float64, 0 in tissue to 1 in what is empty: fat cells, tears, lumens, clefts."""
    share = min(max(1.12 * share_white - 0.16 + uniform(rng, -0.06, 0.06), 0.0), 0.97)
    if share <= 0.01:
        return np.zeros((SIZE, SIZE))
    kind = choose(rng, (0.5, 0.2, 0.3) if share > 0.3 else (0.3, 0.3, 0.4))
    if kind == 0:
        spacing = uniform(rng, 26.0, 58.0)
        shape = CellShape(spacing, 0.5 * spacing, 0.25, 1.2)
        warp = (2.5 * smooth(rng, 20.0), 2.5 * smooth(rng, 20.0))
        fat = scatter(rng, shape, warp)
        field = np.minimum(1.3 - fat.distance, fat.rival - fat.distance)
    elif kind == 1:
        field = smooth(rng, 45.0) + 0.25 * smooth(rng, 14.0) + 0.08 * smooth(rng, 4.0)
    else:
        field = np.abs(smooth(rng, 18.0) + 0.3 * smooth(rng, 6.0)) + 0.3 * smooth(rng, 30.0)
    slope = 0.06 if kind == 0 else 0.12
    return step(field - above_share(field, share), slope)


def draw_region(rng: np.random.Generator, wanted: bool, share: float) -> Mask:
    """(96, 96) bool: where tumour cells grow, before any is drawn.

    Args:
        rng: Source of randomness.
        wanted: Whether it reaches the centre 32x32. Where it does not it may still fill the border.
        share: The slide's tumour share; a slide without tumour has none in the border either.
    """
    field = smooth(rng, 40.0) + 0.3 * smooth(rng, 12.0)
    extent, draw = rng.random(), rng.random()
    if wanted:
        if extent < _WHOLE_PATCH:
            return np.ones((SIZE, SIZE), dtype=np.bool_)
        reach = above_share(field[CENTRE, CENTRE], uniform(rng, 0.2, 0.9))
        return field > min(above_share(field, 0.15 + 0.7 * draw), reach)
    if share == 0.0 or extent > _NEAR_TUMOUR:
        return np.zeros((SIZE, SIZE), dtype=np.bool_)
    region = field > above_share(field, 0.3 + 0.7 * draw)
    kept = slice(CENTRE.start - _MARGIN, CENTRE.stop + _MARGIN)
    region[kept, kept] = False
    return region
