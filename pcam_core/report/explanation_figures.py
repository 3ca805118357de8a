"""Figures of what the model looks at."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image
from scipy.ndimage import gaussian_filter

from pcam_core.explanation.centre_share import CENTRE
from pcam_core.explanation.methods import METHODS
from pcam_core.patches import SIDE, Pixels
from pcam_core.report.palette import INK, NORMAL, SERIES, TUMOUR, WIDTH, canvas, name_axes, write

_GAP = 0.04  # between pictures, as a share of their side
_GREY = SERIES[5]
_SMOOTH = 1 / 64  # of the patch's side: single pixels cannot be seen at this size
_OPAQUE = 0.85
_LABELS = {"all": "all", "1": "tumour", "0": "no tumour"}

Maps = dict[str, npt.NDArray[np.float32]]


def shares(figures: dict[str, Any]) -> Figure:
    """Draw the share of the attribution inside the centre, with its 95 % intervals.

    Args:
        figures: Of the stage `explanation`.
    """
    figure, (axes,) = canvas(height=3.6)
    names, place = [], 0.0
    for method, shade in zip(METHODS, SERIES[2:], strict=False):
        found = figures["shares"][method]
        rows = [(_LABELS[label], found[label]) for label in _LABELS if label in found]
        rows.append(("untrained", figures["untrained"][method]["share"]))
        write(axes, 0, place - 0.75, METHODS[method], fontweight="bold", va="center")
        for name, row in rows:
            if row["mean"] is not None:
                colour = _GREY if name == "untrained" else shade
                axes.plot(row["interval"], (place, place), color=colour, linewidth=2.4)
                axes.plot(row["mean"], place, "o", color=colour, markersize=7)
            names.append((place, name))
            place += 1
        place += 1.2
    axes.axvline(figures["uniform"], color=INK, alpha=0.6, linestyle="--", linewidth=1)
    axes.set_yticks([at for at, _ in names], [name for _, name in names])
    axes.set_ylim(place - 1.6, -1.3)
    axes.set_xlim(0, None)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    name_axes(axes, "share in the centre 32x32 px; dashed: even map")
    return figure


def heat(
    pixels: Pixels, maps: Maps, notes: Sequence[str], region: int, scales: dict[str, float]
) -> Figure:
    """Draw patches in rows, each beside what speaks for (orange) and against (blue) tumour.

    Args:
        pixels: uint8 (n, side, side, 3), 0..255; n at least 1.
        maps: By method (n, side, side).
        notes: What is written on each patch.
        region: Side of what the patches show, in pixels of the raw patch; the centre 32x32 of a
            larger one is framed.
        scales: By method the value that is drawn in full colour; see `scale`.
    """
    drawn = min(pixels.shape[1], SIDE)  # larger ones would swell the page
    pitch = drawn + max(round(drawn * _GAP), 1)
    # One picture, since matplotlib gives equal pictures equal ids.
    whole = np.zeros((pitch * len(pixels), pitch * 3, 4), np.uint8)
    figure, (axes,) = canvas(height=len(pixels) * WIDTH / 3 + 0.22)
    axes.set_anchor("S")  # the names stand above
    for row, patch in enumerate(pixels):
        grey = np.asarray(Image.fromarray(patch).convert("L"), np.float64) / 255
        shown: list[Any] = [patch]
        shown += [_overlaid(grey, smooth(maps[m][row : row + 1])[0] / scales[m]) for m in METHODS]
        for column, image in enumerate(shown):
            y, x = pitch * row, pitch * column
            small = Image.fromarray(image).resize((drawn, drawn), Image.Resampling.LANCZOS)
            whole[y : y + drawn, x : x + drawn] = np.asarray(small.convert("RGBA"))
            if region > CENTRE:
                _frame(axes, x, y, drawn, CENTRE / region)
        axes.text(
            3, y + 3, notes[row], va="top", fontsize=8.5, color="white",
            bbox={"facecolor": "black", "alpha": 0.6, "linewidth": 0, "pad": 1.5},
        )  # fmt: skip
    for column, name in enumerate(("patch", *METHODS.values())):
        write(axes, pitch * column, -0.04 * drawn, name)
    height, width = whole.shape[:2]
    axes.imshow(whole, interpolation="none", extent=(0, width, height, 0))
    axes.set_axis_off()
    return figure


def smooth(maps: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return maps (n, side, side) as they are drawn."""
    sigma = maps.shape[1] * _SMOOTH
    smoothed: npt.NDArray[np.float32] = gaussian_filter(maps, (0, sigma, sigma))
    return smoothed


def scale(maps: npt.NDArray[np.float32]) -> float:
    """Return what is drawn in full colour: of maps that are seen together, nearly the highest."""
    return max(float(np.percentile(np.abs(smooth(maps)), 99.5)), 1e-12)


def _overlaid(grey: npt.NDArray[Any], strength: npt.NDArray[Any]) -> Pixels:
    colour = np.where(strength[..., None] > 0, to_rgb(TUMOUR), to_rgb(NORMAL))
    opacity = _OPAQUE * np.clip(np.abs(strength), 0, 1)[..., None]
    mixed = (0.35 + 0.65 * grey[..., None]) * (1 - opacity) + colour * opacity
    image: Pixels = np.rint(255 * mixed).astype(np.uint8)
    return image


def _frame(axes: Any, x: float, y: float, side: float, share: float) -> None:
    corner, width = side * (1 - share) / 2, side * share
    for colour, line in (("black", 1.8), ("white", 0.8)):
        axes.add_patch(
            Rectangle(
                (x + corner, y + corner), width, width, fill=False, edgecolor=colour, linewidth=line
            )
        )
