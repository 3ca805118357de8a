"""Ellipses scattered over a patch: nuclei, fat cells, red blood cells."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pcam_core.synth.draws import Floats, noise
from pcam_core.synth.label import SIZE

_JITTER = 0.3


@dataclass(frozen=True)
class CellShape:
    """What the ellipses of one population have in common.

    Attributes:
        spacing: Mean distance of neighbours in pixels.
        radius: Mean radius in pixels, at most 0.7 of `spacing`.
        size_spread: Relative deviation of the radius.
        stretch: Mean ratio of the long to the short axis, >= 1.
        angle: Direction of the long axes in radians; None draws one for each.
    """

    spacing: float
    radius: float
    size_spread: float
    stretch: float
    angle: float | None = None


@dataclass(frozen=True)
class Cells:
    """Ellipses and which of them each pixel is nearest to.

    Attributes:
        distance: (96, 96) float64, distance to the nearest cell's centre in units of that cell's
            radius in this direction: below 1 inside.
        rival: (96, 96) float64, the same to the second nearest.
        across, along: (96, 96) float64, position in the nearest cell's own axes, -1..1 inside.
        index: (96, 96) intp, number of the nearest cell.
        centre_row, centre_column: (cells,) float64 in pixels, partly outside the patch.
    """

    distance: Floats
    rival: Floats
    across: Floats
    along: Floats
    index: NDArray[np.intp]
    centre_row: Floats
    centre_column: Floats


def scatter(
    rng: np.random.Generator, shape: CellShape, warp: tuple[Floats, Floats] | None = None
) -> Cells:
    """Put cells on a jittered brick grid and find the nearest to every pixel.

    Cellular texture after Worley, "A cellular texture basis function" (1996). A cell stays within
    30 % of its grid cell's middle, so that four candidates a pixel are enough.

    Args:
        rng: Source of randomness.
        shape: The population.
        warp: Displacement of rows and columns in pixels, (96, 96) float64 each, which bends cells
            out of their regular shape.
    """
    side = int(SIZE / shape.spacing) + 7
    row, column = _grid(rng, side)
    frame = _frames(rng, shape, row, column)
    origin = 2.0 + rng.random(2)
    pixel_row, pixel_column = _pixels(origin, shape.spacing, warp)

    first_row = np.floor(pixel_row - 0.5).astype(np.intp)
    own = np.empty((SIZE, SIZE, frame.shape[1]))
    candidates = []
    for down in (0, 1):
        cell_row = first_row + down
        first_column = np.floor(pixel_column - 0.5 * (cell_row & 1) - 0.5).astype(np.intp)
        first = cell_row * side + first_column
        for index in (first, first + 1):
            # One row of six figures a pixel: much faster than six look-ups.
            frame.take(index, axis=0, out=own, mode="clip")
            across = own[..., 0] * pixel_row + own[..., 1] * pixel_column + own[..., 2]
            along = own[..., 3] * pixel_row + own[..., 4] * pixel_column + own[..., 5]
            candidates.append((across * across + along * along, across, along, index))
    centres = ((row - origin[0]) * shape.spacing, (column - origin[1]) * shape.spacing)
    return _nearest(candidates, centres)


def _grid(rng: np.random.Generator, side: int) -> tuple[Floats, Floats]:
    number = np.arange(side)
    middle_row = np.repeat(number + 0.5, side)
    middle_column = np.tile(number + 0.5, side) + 0.5 * np.repeat(number & 1, side)
    jitter = _JITTER * (2.0 * rng.random((2, side * side)) - 1.0)
    return middle_row + jitter[0], middle_column + jitter[1]


def _frames(rng: np.random.Generator, shape: CellShape, row: Floats, column: Floats) -> Floats:
    """(cells, 6) float64: across = a*row + b*column + c, and the same for along."""
    draws = noise(rng, (3, row.size))
    radius = shape.radius / shape.spacing * np.clip(1 + shape.size_spread * draws[0], 0.45, 1.7)
    stretch = np.sqrt(np.maximum(1.0, shape.stretch * (1 + 0.15 * draws[1])))
    angle = np.pi * rng.random(row.size) if shape.angle is None else shape.angle + 0.2 * draws[2]
    cos, sin = np.cos(angle), np.sin(angle)
    long_axis = np.minimum(radius * stretch, 0.85)
    short_axis = radius / stretch
    frame = np.empty((row.size, 6))
    frame[:, 0], frame[:, 1] = cos / short_axis, -sin / short_axis
    frame[:, 3], frame[:, 4] = sin / long_axis, cos / long_axis
    frame[:, 2] = -(frame[:, 0] * row + frame[:, 1] * column)
    frame[:, 5] = -(frame[:, 3] * row + frame[:, 4] * column)
    return frame


def _pixels(
    origin: Floats, spacing: float, warp: tuple[Floats, Floats] | None
) -> tuple[Floats, Floats]:
    line = np.arange(SIZE, dtype=np.float64)
    row = np.repeat(line[:, None], SIZE, axis=1)
    column = np.repeat(line[None, :], SIZE, axis=0)
    if warp is not None:
        # A bound keeps every pixel on the grid, whatever the warp.
        row = row + np.clip(warp[0], -0.9 * spacing, 0.9 * spacing)
        column = column + np.clip(warp[1], -0.9 * spacing, 0.9 * spacing)
    return row / spacing + origin[0], column / spacing + origin[1]


def _nearest(
    candidates: list[tuple[Floats, Floats, Floats, NDArray[np.intp]]],
    centres: tuple[Floats, Floats],
) -> Cells:
    best, across, along, index = candidates[0]
    rival = np.full_like(best, np.inf)
    for square, other_across, other_along, other_index in candidates[1:]:
        closer = square < best
        rival = np.minimum(rival, np.maximum(best, square))
        best = np.minimum(best, square)
        # Arithmetic, because a masked copy takes five times as long.
        chosen = closer.astype(np.float64)
        across = across + chosen * (other_across - across)
        along = along + chosen * (other_along - along)
        index = index + closer * (other_index - index)
    return Cells(np.sqrt(best), np.sqrt(rival), across, along, index, *centres)
