"""Figures of slides, or of groups found by overlap; each returns a Figure.

`train` has a row a labelled patch with its group, label and measurements.
"""

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from pcam_core.report.palette import (
    CLASS_COLOURS,
    CLASS_NAMES,
    INK,
    SERIES,
    canvas,
    legend_above,
    name_axes,
    write,
    write_beside,
)

PROPERTIES = {
    "brightness": "brightness",
    "haematoxylin": "haematoxylin",
    "eosin": "eosin",
    "edges": "edge strength",
    "label": "label",
}

DOTS = 250
"""Groups that `stain_by_group` draws at most."""

_GROUP = SERIES[5]
_LESS_MORE_TUMOUR = LinearSegmentedColormap.from_list("tumour", CLASS_COLOURS)
_MOST_BARS = 60
_MOST_STEPS = 400  # of a line over any number of groups


def patches_per_group(train: pd.DataFrame, noun: str) -> Figure:
    """Draw how many patches each group has, largest first."""
    sizes = np.sort(train["group"].value_counts().to_numpy())[::-1]
    figure, (axes,) = canvas(height=2.9)
    ranks = np.arange(len(sizes) + 1) + 0.5
    if len(sizes) <= _MOST_BARS:
        axes.bar(ranks[:-1] + 0.5, sizes, 0.8, color=_GROUP)
    else:
        steps = np.linspace(0, len(sizes), min(len(sizes), _MOST_STEPS) + 1).astype(int)
        axes.stairs(sizes[steps[:-1]], ranks[steps], fill=True, color=_GROUP, linewidth=0)
    axes.axhline(np.median(sizes), color=INK, linewidth=1, linestyle=(0, (4, 3)))
    write(axes, ranks[-1], np.median(sizes), "median", ha="right", va="bottom")
    axes.set_xlim(ranks[0], ranks[-1])
    axes.set_ylim(0)
    axes.grid(visible=False, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    name_axes(axes, f"{noun}s, largest first", "patches")
    return figure


def balance_by_group(train: pd.DataFrame, noun: str) -> Figure:
    """Draw the share of tumour of each group, as wide as its patches are many."""
    found = positive_share(train).sort_values(["share", "size"])
    ends = 100 * np.concatenate([[0], found["size"].cumsum()]) / found["size"].sum()
    share = 100 * found["share"].to_numpy()
    if len(share) > _MOST_STEPS:
        grid = np.linspace(0, 100, _MOST_STEPS + 1)
        share = share[np.searchsorted(ends[1:], (grid[:-1] + grid[1:]) / 2)]
        ends = grid
    figure, (axes,) = canvas(height=2.9)
    tumour = {"fill": True, "color": CLASS_COLOURS[1], "alpha": 0.8, "linewidth": 0}
    normal = {"fill": True, "color": CLASS_COLOURS[0], "alpha": 0.8, "linewidth": 0}
    axes.stairs(np.full(len(share), 100.0), ends, baseline=share, label=CLASS_NAMES[0], **normal)
    axes.stairs(share, ends, label=CLASS_NAMES[1], **tumour)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 100)
    axes.grid(visible=False, axis="x")
    name_axes(axes, f"% of patches, {noun} by {noun}", "% of its patches")
    legend_above(axes)
    return figure


def stain_by_group(train: pd.DataFrame, noun: str) -> Figure:
    """Draw the median stain of the largest groups: dots, from blue to orange with more tumour."""
    found = (
        train.groupby("group")
        .agg(
            haematoxylin=("haematoxylin", "median"),
            eosin=("eosin", "median"),
            size=("label", "size"),
            share=("label", "mean"),
        )
        .nlargest(DOTS, "size")
    )
    figure, (axes,) = canvas(height=2.9)
    area = 12 + 140 * found["size"] / found["size"].max()
    axes.scatter(
        found["haematoxylin"],
        found["eosin"],
        area,
        found["share"],
        cmap=_LESS_MORE_TUMOUR,
        vmin=0,
        vmax=1,
        alpha=0.8,
        linewidths=0,
    )
    name_axes(
        axes,
        f"haematoxylin, median of a {noun} (optical density)",
        "eosin, median (optical density)",
    )
    return figure


def variance_by_group(train: pd.DataFrame, noun: str) -> Figure:
    """Draw which share of the variance of each property lies between groups."""
    shares = [100 * between_groups(train, column) for column in PROPERTIES]
    figure, (axes,) = canvas(height=2.9)
    axes.barh(list(PROPERTIES.values()), shares, color=_GROUP, height=0.6)
    for row, share in enumerate(shares):
        write_beside(axes, share, row, f"{share:.0f} %")
    axes.set_xlim(0, 100)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    name_axes(axes, f"% of the variance that lies between {noun}s")
    return figure


def positive_share(train: pd.DataFrame) -> pd.DataFrame:
    """Return size and share of tumour, 0..1, by group."""
    labels = train.groupby("group")["label"]
    return pd.DataFrame({"size": labels.size(), "share": labels.mean()})


def between_groups(train: pd.DataFrame, column: str) -> float:
    """Return the share of a column's variance that lies between groups, 0..1.

    Corrected for what groups differ by chance (epsilon squared: Kelley, "An unbiased
    correlation ratio measure", 1935). There must be more patches than groups.
    """
    values = train[column].to_numpy(float)
    inside = values - train.groupby("group")[column].transform("mean").to_numpy(float)
    total = values.var(ddof=1)
    if total == 0:
        return 0.0
    within = float(inside @ inside) / (len(values) - train["group"].nunique())
    return float(np.clip(1 - within / total, 0, 1))
