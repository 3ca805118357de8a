"""Figures of the data before any training; each takes artifacts and returns a Figure."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from pcam_core.artifact import Artifact
from pcam_core.report.palette import (
    CLASS_COLOURS,
    CLASS_NAMES,
    INK,
    canvas,
    legend,
    legend_above,
    name_axes,
    write_beside,
)
from pcam_core.stages.gate import accepted, read_properties
from pcam_core.stages.groups import read_groups

CHANNELS = ("red", "green", "blue")


def classes(explored: Artifact) -> Figure:
    """Draw how many patches each class has, from the artifact of `explore`."""
    counts = [explored.figures["classes"].get(str(label), 0) for label in (0, 1)]
    figure, (axes,) = canvas(height=1.9)
    axes.barh(CLASS_NAMES, counts, color=CLASS_COLOURS, height=0.6)
    for row, count in enumerate(counts):
        write_beside(axes, count, row, f"{count:,} ({count / sum(counts):.1%})")
    axes.set_xlim(0, max(counts) * 1.3)
    axes.invert_yaxis()
    name_axes(axes, "labelled patches")
    return figure


def pixel_histogram(explored: Artifact) -> Figure:
    """Draw the share of pixels over intensity 0..255, a panel a channel and a line a class."""
    with np.load(explored.path / "pixels.npz") as arrays:
        counts = arrays["counts"].astype(float)
    shares = counts / np.maximum(counts.sum(axis=-1, keepdims=True), 1)
    bins = counts.shape[-1]
    levels = (np.arange(bins) + 0.5) * 256 / bins
    figure, panels = canvas(rows=3, height=4.2)
    for channel, axes in enumerate(panels):
        for label, colour in enumerate(CLASS_COLOURS):
            line = shares[label, channel] * 100
            axes.plot(levels, line, color=colour, label=CLASS_NAMES[label], linewidth=1.6)
            axes.fill_between(levels, line, color=colour, alpha=0.12, linewidth=0)
        axes.set_xlim(0, 256)
        axes.set_ylim(0)
        name_axes(axes, "intensity (0 to 255)" if channel == 2 else "", "% of pixels")
        axes.set_title(CHANNELS[channel], fontsize=9, loc="left", pad=2, color=INK)
        if channel < 2:
            axes.tick_params(labelbottom=False)
    legend(panels[0], loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0)
    return figure


def colour_by_class(gate: Artifact, labels: Artifact) -> Figure:
    """Draw the spread of every patch's mean colour 0..255 as boxes, a pair a channel."""
    table = measured_by_label(gate, labels)
    figure, (axes,) = canvas(height=2.9)
    for label, colour in enumerate(CLASS_COLOURS):
        values = [table.loc[table["label"] == label, f"mean_{c}"].dropna() for c in "rgb"]
        drawn = axes.boxplot(
            values,
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


def measured_by_label(gate: Artifact, labels: Artifact) -> pd.DataFrame:
    """Return the gate's measurements of the labelled patches in use, with their labels."""
    table = accepted(labels, gate, "train")
    return read_properties(gate).merge(table, on="id")


def patches_per_group(groups: Artifact) -> Figure:
    """Draw how many patches the groups have, from the artifact of `groups`."""
    table = read_groups(groups)
    sizes = np.sort(table.groupby("group")["id"].count().to_numpy())[::-1]
    figure, (axes,) = canvas(height=2.5)
    ranks = np.arange(1, len(sizes) + 1)
    if len(sizes) <= 60:
        axes.bar(ranks, sizes, color=CLASS_COLOURS[0], width=0.75)
    else:
        axes.fill_between(ranks, sizes, color=CLASS_COLOURS[0], alpha=0.8, linewidth=0, step="mid")
    axes.set_ylim(0)
    axes.grid(visible=False, axis="x")
    axes.xaxis.get_major_locator().set_params(integer=True)
    name_axes(axes, "groups, largest first", "patches")
    return figure
