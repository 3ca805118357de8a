"""Figures of the split."""

import numpy as np
from matplotlib.figure import Figure

from pcam_core.artifact import Artifact
from pcam_core.report.palette import (
    CLASS_COLOURS,
    CLASS_NAMES,
    canvas,
    legend_above,
    name_axes,
    write_beside,
)
from pcam_core.stages.split import ROLES


def split_parts(splits: Artifact) -> Figure:
    """Draw how many patches of each class every part has, from the artifact of `split`."""
    figures = splits.figures
    sizes = np.array([figures["patches"][role] for role in ROLES], float)
    positive = sizes * [figures["positive_share"][role] for role in ROLES]
    figure, (axes,) = canvas(height=2.2)
    axes.barh(ROLES, sizes - positive, color=CLASS_COLOURS[0], height=0.62, label=CLASS_NAMES[0])
    axes.barh(
        ROLES, positive, left=sizes - positive, color=CLASS_COLOURS[1], height=0.62,
        label=CLASS_NAMES[1],
    )  # fmt: skip
    for row, size in enumerate(sizes):
        write_beside(axes, size, row, f"{size:,.0f}")
    axes.set_xlim(0, sizes.max() * 1.15)
    axes.invert_yaxis()
    name_axes(axes, "patches")
    legend_above(axes)
    return figure
