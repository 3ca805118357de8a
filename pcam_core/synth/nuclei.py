"""Nuclei: lymphocytes, spindles of the stroma, and tumour."""

from dataclasses import dataclass

import numpy as np

from pcam_core.synth.anatomy import Healthy, Mask
from pcam_core.synth.cells import Cells, CellShape, scatter
from pcam_core.synth.draws import Floats, noise, uniform
from pcam_core.synth.fields import smooth, step
from pcam_core.synth.label import CENTRE, SIZE
from pcam_core.synth.slide import Slide


@dataclass(frozen=True)
class Nuclei:
    """Drawn nuclei of one kind.

    Attributes:
        cover: (96, 96) float64, 0 outside to 1 inside a nucleus.
        chromatin: (96, 96) float64, amount of haematoxylin inside, about 1.
    """

    cover: Floats
    chromatin: Floats


_NONE = Nuclei(np.zeros((SIZE, SIZE)), np.zeros((SIZE, SIZE)))


def draw_healthy_nuclei(
    rng: np.random.Generator, healthy: Healthy, direction: float, free: Floats
) -> Nuclei:
    """Small, dark, even nuclei: round lymphocytes, or thin spindles along the fibres.

    Args:
        rng: Source of randomness.
        healthy: The tissue.
        direction: Of the fibres, in radians.
        free: (96, 96) float64; a nucleus appears only where this is above 0 at its centre.
    """
    if free.max() <= 0.0:
        return _NONE
    spindle = healthy.fibres > 0.7
    shape = CellShape(
        spacing=healthy.spacing * (1.15 if spindle else 1.0),
        radius=healthy.radius * (0.85 if spindle else 1.0),
        size_spread=0.16,
        stretch=2.6 if spindle else 1.2,
        angle=direction if spindle else None,
    )
    bend = 0.22 * healthy.spacing
    wave = bend * smooth(rng, 11.0)
    cells = scatter(rng, shape, (wave, wave.T))
    crowd = 0.22 * smooth(rng, 20.0)
    count = cells.centre_row.size
    here = _at_centres(cells, crowd) + rng.random(count)
    present = (here < healthy.lymphocytes) & (_at_centres(cells, free) > 0.0)
    darkness = np.clip(1.0 + 0.22 * noise(rng, (1, count))[0], 0.4, 1.6)
    clumps = smooth(rng, 2.5)
    ragged = cells.distance + 0.08 * clumps.T
    cover = step(1.0 - ragged, 0.8 / healthy.radius) * present.take(cells.index)
    return Nuclei(cover, darkness.take(cells.index) * (1.0 + 0.16 * clumps))


def draw_tumour_nuclei(
    rng: np.random.Generator, slide: Slide, region: Mask, wanted: bool
) -> tuple[Nuclei, Mask]:
    """Large, crowded, irregular nuclei with a dark rim, pale inside and nucleoli.

    Args:
        rng: Source of randomness.
        slide: Size and pallor of its tumour nuclei.
        region: (96, 96) bool; nuclei whose centre lies inside are drawn.
        wanted: False leaves out every nucleus that would reach the centre 32x32.

    Returns:
        The nuclei, and (96, 96) bool where they are: partly outside `region`.
    """
    if not region.any():
        return _NONE, region
    radius = slide.tumour_radius * uniform(rng, 0.88, 1.12)
    shape = CellShape(radius * uniform(rng, 1.85, 2.25), radius, 0.24, uniform(rng, 1.15, 1.6))
    wave = smooth(rng, 8.0)
    cells = scatter(rng, shape, (0.2 * radius * wave, 0.2 * radius * wave.T))
    ragged = cells.distance + 0.08 * smooth(rng, 4.5)
    present = _at_centres(cells, region.astype(np.float64)) > 0.0
    present &= rng.random(present.size) < 0.94
    inside = ragged < 1.0
    if not wanted:
        present[cells.index[CENTRE, CENTRE][inside[CENTRE, CENTRE]]] = False
    shown = present.take(cells.index)
    cover = step(1.0 - ragged, 0.8 / radius) * shown
    return Nuclei(cover, _vesicular(rng, cells, ragged, slide.pallor)), inside & shown


def _vesicular(rng: np.random.Generator, cells: Cells, ragged: Floats, pallor: float) -> Floats:
    count = cells.centre_row.size
    draws = noise(rng, (4, count))
    darkness: Floats = np.clip(0.9 + 0.25 * draws[0], 0.45, 1.6)
    emptiness = np.clip(pallor + 0.15 * draws[1], 0.0, 0.7)
    rim = step(ragged - 0.72, 0.22)
    offset = 0.22 * draws[2:]
    down = cells.along - offset[0].take(cells.index)
    right = cells.across - offset[1].take(cells.index)
    nucleolus = step(0.28 - np.sqrt(down * down + right * right), 0.14)
    inner = 1.0 - emptiness.take(cells.index) * (1.0 - rim) + 0.55 * nucleolus
    amount = darkness.take(cells.index) * (inner + 0.2 * smooth(rng, 2.4))
    return np.asarray(np.maximum(amount, 0.1))


def _at_centres(cells: Cells, field: Floats) -> Floats:
    row = np.clip(np.floor(cells.centre_row), 0, SIZE - 1).astype(np.intp)
    column = np.clip(np.floor(cells.centre_column), 0, SIZE - 1).astype(np.intp)
    return np.asarray(field[row, column])
