"""Figures of training patches against test patches."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from pcam_core.report.distributions import overlay
from pcam_core.report.palette import SERIES, canvas, legend_above, name_axes

COLOURS = {
    "mean_r": "mean red of a patch (0 to 255)",
    "mean_g": "mean green of a patch (0 to 255)",
    "mean_b": "mean blue of a patch (0 to 255)",
}
TISSUE = {
    "haematoxylin": "haematoxylin of a patch (mean optical density)",
    "eosin": "eosin of a patch (mean optical density)",
    "edges": "edge strength of a patch (levels a pixel)",
}
_PARTS = {"train": ("training part", SERIES[2]), "test": ("test part", SERIES[3])}


def train_against_test(patches: pd.DataFrame, columns: Mapping[str, str]) -> Figure:
    """Draw the distributions of both parts over each other.

    Args:
        patches: What `read_patches` returned, with patches of both parts.
        columns: Names of columns with what their axis is called, drawn below each other.
    """
    figure, panels = canvas(rows=len(columns), height=1.8 * len(columns))
    for axes, (column, title) in zip(panels, columns.items(), strict=True):
        overlay(
            axes,
            [
                (name, colour, patches.loc[patches["part"] == part, column].to_numpy(float))
                for part, (name, colour) in _PARTS.items()
            ],
        )
        name_axes(axes, title, "% of patches")
    legend_above(panels[0])
    return figure
