"""Figures of the classes before any training; each returns a Figure.

`patches` is always what `pcam_core.stages.explore.read_patches` returned.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from pcam_core.artifact import Artifact
from pcam_core.exploration.survey import CENTRE
from pcam_core.patches import SIDE
from pcam_core.report.distributions import Sample, overlay
from pcam_core.report.palette import (
    CLASS_COLOURS,
    CLASS_NAMES,
    INK,
    canvas,
    legend_above,
    name_axes,
    write_beside,
)

CHANNELS = ("red", "green", "blue")

_BINS = 64
_CELL = 8
_LESS_MORE = LinearSegmentedColormap.from_list("less_more", ["#5b3a8c", "#f4f2ee", "#1b7a5a"])


def classes(explored: Artifact) -> Figure:
    """Draw how many patches each class has, from the artifact of `explore`."""
    counts = [explored.figures["classes"][str(label)] for label in (0, 1)]
    figure, (axes,) = canvas(height=2.3)
    axes.barh(CLASS_NAMES, counts, color=CLASS_COLOURS, height=0.6)
    for row, count in enumerate(counts):
        write_beside(axes, count, row, f"{count:,} ({count / sum(counts):.1%})")
    axes.set_xlim(0, max(counts) * 1.35)
    axes.invert_yaxis()
    name_axes(axes, "labelled patches")
    return figure


def mean_patches(explored: Artifact) -> Figure:
    """Draw the mean patch of each class and how much brighter tumour is, in cells of 8 pixels."""
    with np.load(explored.path / "pixels.npz") as arrays:
        means = arrays["means"]
    # Cells, because what is left of single pixels in a mean is mostly chance.
    cells = brightness_gap(means).reshape(SIDE // _CELL, _CELL, -1, _CELL).mean(axis=(1, 3))
    reach = float(np.abs(cells).max()) or 1.0
    whole = (0, SIDE, SIDE, 0)
    figure, panels = canvas(columns=3, height=2.3)
    for label in (0, 1):
        pixels = np.rint(means[label]).astype(np.uint8)
        panels[label].imshow(pixels, interpolation="none", extent=whole)
    gap = {"cmap": _LESS_MORE, "vmin": -reach, "vmax": reach}
    drawn = panels[2].imshow(cells, interpolation="none", extent=whole, **gap)
    for axes, title in zip(panels, [*CLASS_NAMES, "difference"], strict=True):
        axes.set_title(title, fontsize=9.5, loc="left", pad=4, color=INK)
        axes.set_xticks((CENTRE.start, CENTRE.stop))
        axes.set_yticks((0, CENTRE.start, CENTRE.stop, SIDE) if axes is panels[0] else ())
        axes.grid(visible=False)
        name_axes(axes, "pixels")
        corner, side = (CENTRE.start, CENTRE.start), CENTRE.stop - CENTRE.start
        axes.add_patch(Rectangle(corner, side, side, fill=False, color="#111111", linewidth=0.9))
    bar = figure.colorbar(drawn, ax=panels[2], fraction=0.06, pad=0.04)
    bar.ax.set_title("levels", color=INK, fontsize=8.5, loc="left", pad=4)
    bar.ax.tick_params(color=INK, labelcolor=INK, labelsize=8.5, length=2)
    bar.outline.set_visible(False)
    return figure


def brightness_gap(means: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return (96, 96) levels by which the mean tumour patch is brighter.

    Args:
        means: (2, 96, 96, 3), the mean patch without and with tumour.
    """
    gap: npt.NDArray[np.float64] = means[1].mean(axis=-1) - means[0].mean(axis=-1)
    return gap


def pixel_histogram(explored: Artifact) -> Figure:
    """Draw the share of pixels over intensity 0..255, a panel a channel and a line a class."""
    with np.load(explored.path / "pixels.npz") as arrays:
        counts = arrays["counts"][:2].astype(float)
    counts = counts.reshape(2, 3, _BINS, -1).sum(axis=-1)
    shares = 100 * counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1)
    edges = np.linspace(0, 256, _BINS + 1)
    figure, panels = canvas(rows=3, height=4.6)
    for channel, axes in enumerate(panels):
        for label, colour in enumerate(CLASS_COLOURS):
            line = shares[label, channel]
            axes.stairs(line, edges, color=colour, label=CLASS_NAMES[label], linewidth=1.5)
            axes.stairs(line, edges, fill=True, color=colour, alpha=0.14, linewidth=0)
        axes.set_xlim(0, 256)
        axes.set_ylim(0)
        name_axes(axes, "intensity of a pixel (0 to 255)" if channel == 2 else "", "% of pixels")
        _name_panel(axes, CHANNELS[channel])
        if channel < 2:
            axes.tick_params(labelbottom=False)
    legend_above(panels[0])
    return figure


def colour_by_class(patches: pd.DataFrame) -> Figure:
    """Draw the spread of every patch's mean colour 0..255 as boxes, a pair a channel."""
    figure, (axes,) = canvas(height=4.6)
    for label, colour in enumerate(CLASS_COLOURS):
        members = patches[patches["label"] == label]
        drawn = axes.boxplot(
            [members[f"mean_{c}"] for c in "rgb"],
            positions=np.arange(3) + (label - 0.5) * 0.34,
            widths=0.28,
            showfliers=False,
            whis=(5, 95),
            patch_artist=True,
            medianprops={"color": colour, "linewidth": 2},
            boxprops={"facecolor": colour, "edgecolor": colour, "alpha": 0.45},
            whiskerprops={"color": colour},
            capprops={"color": colour},
        )
        drawn["boxes"][0].set_label(CLASS_NAMES[label])
    axes.set_xticks(range(3), CHANNELS)
    axes.grid(visible=False, axis="x")
    name_axes(axes, "", "mean of a patch (0 to 255)")
    legend_above(axes)
    return figure


def stain_by_class(patches: pd.DataFrame) -> Figure:
    """Draw how much of each stain patches hold."""
    return _stains(patches, "", "of a patch (mean optical density)")


def centre_by_class(patches: pd.DataFrame) -> Figure:
    """Draw how much more of each stain the centre of a patch holds than what is around it."""
    return _stains(patches, "_centre", "of the centre less around it (optical density)")


def edge_strength(patches: pd.DataFrame) -> Figure:
    """Draw the distribution of edge strength by class."""
    figure, (axes,) = canvas(height=2.9)
    overlay(axes, _by_class(patches, "edges"))
    name_axes(axes, "edge strength of a patch (levels a pixel)", "% of patches")
    legend_above(axes)
    return figure


def brightness(patches: pd.DataFrame, fences: tuple[float, float]) -> Figure:
    """Draw the distribution of brightness by class; what lies outside the fences is shaded."""
    figure, (axes,) = canvas(height=2.9)
    overlay(axes, _by_class(patches, "brightness"))
    low, high = max(fences[0], 0), min(fences[1], 255)
    for start, end in ((0, low), (high, 255)):
        if end > start:
            axes.axvspan(start, end, color=INK, alpha=0.1, linewidth=0)
    axes.set_xlim(0, 255)
    name_axes(axes, "mean brightness of a patch (0 to 255)", "% of patches")
    legend_above(axes)
    return figure


def _stains(patches: pd.DataFrame, suffix: str, what: str) -> Figure:
    figure, panels = canvas(rows=2, height=3.9)
    for axes, stain in zip(panels, ("haematoxylin", "eosin"), strict=True):
        overlay(axes, _by_class(patches, stain + suffix))
        name_axes(axes, f"{stain} {what}", "% of patches")
    legend_above(panels[0])
    return figure


def _by_class(patches: pd.DataFrame, column: str) -> list[Sample]:
    return [
        (name, colour, patches.loc[patches["label"] == label, column].to_numpy(float))
        for label, (name, colour) in enumerate(zip(CLASS_NAMES, CLASS_COLOURS, strict=True))
    ]


def _name_panel(axes: Any, name: str) -> None:
    axes.text(
        0.012, 0.94, name, transform=axes.transAxes, va="top", fontsize=9.5, color=INK,
        fontweight="bold",
    )  # fmt: skip
