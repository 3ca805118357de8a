"""Figures of new patches against those of the training."""

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from pcam_core.report.distributions import overlay
from pcam_core.report.palette import INK, SERIES, canvas, legend_above, name_axes


def against_training(
    reference: npt.NDArray[np.float64],
    values: npt.NDArray[np.float64],
    axis: str,
    limits: tuple[float, float] | None,
) -> Figure:
    """Draw both distributions over each other, and the limits where they are in sight.

    Args:
        reference: Quantiles of the training patches at even steps.
        values: Of the new patches, (n,), n at least 1.
        axis: What they are.
        limits: Beyond which a patch gets no prediction; None if there are none.
    """
    figure, (axes,) = canvas(height=2.3)
    samples = [("training patches", SERIES[2], reference), ("new patches", SERIES[3], values)]
    overlay(axes, samples)
    left, right = axes.get_xlim()
    for limit in limits or ():
        if left < limit < right:
            axes.axvline(limit, color=INK, alpha=0.6, linewidth=1, linestyle="--")
    name_axes(axes, axis, "% of patches")
    legend_above(axes)
    return figure
