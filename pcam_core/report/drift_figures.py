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
    limit: float | None,
) -> Figure:
    """Draw both distributions over each other, and the limit where it is in sight.

    Args:
        reference: Quantiles of the training patches at even steps.
        values: Of the new patches, (n,), n at least 1.
        axis: What they are.
        limit: Beyond which a patch gets no prediction; None if there is none.
    """
    figure, (axes,) = canvas(height=2.3)
    samples = [("training patches", SERIES[2], reference), ("new patches", SERIES[3], values)]
    overlay(axes, samples)
    if limit is not None and limit < axes.get_xlim()[1]:
        axes.axvline(limit, color=INK, alpha=0.6, linewidth=1, linestyle="--")
    name_axes(axes, axis, "% of patches")
    legend_above(axes)
    return figure
