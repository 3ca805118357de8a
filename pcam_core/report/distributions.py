"""Distributions above each other, on one axis."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

_MOST_BINS = 60
_FEW = 30  # values below which each is drawn as a line: shares of so few are noise
_TAIL = 0.002

Sample = tuple[str, str, npt.NDArray[np.float64]]
"""Name, colour, finite values."""


def overlay(axes: Any, samples: Sequence[Sample]) -> None:
    """Draw the share of each sample over its values as a filled line.

    The axis leaves out the outermost .2 % on either side of all values together.
    """
    many = [len(values) for _, _, values in samples if len(values) >= _FEW]
    bins = min(int(min(many, default=_FEW) ** 0.5), _MOST_BINS)
    edges = _edges(np.concatenate([values for _, _, values in samples]), bins)
    for name, colour, values in samples:
        if len(values) >= _FEW:
            share = 100 * np.histogram(values, edges)[0] / len(values)
            axes.stairs(share, edges, color=colour, linewidth=1.5, label=name)
            axes.stairs(share, edges, fill=True, color=colour, alpha=0.14, linewidth=0)
        else:
            at = axes.get_xaxis_transform()
            axes.vlines(values, 0, 0.25, colour, transform=at, linewidth=1.2, label=name)
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(0)


def _edges(values: npt.NDArray[np.float64], bins: int) -> npt.NDArray[np.float64]:
    low, high = np.quantile(values, (_TAIL, 1 - _TAIL))
    if high - low < 1e-6:  # one value only
        low, high = low - 0.5, high + 0.5
    return np.linspace(low, high, bins + 1)
