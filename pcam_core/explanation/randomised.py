"""Whether a heat map depends on what the network has learned."""

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from pcam_core.training.reproducible import start_afresh


def untrained(model: keras.Model, seed: int, draws: int) -> Iterator[keras.Model]:
    """Yield models of the same build with random weights, each from a seed of its own.

    Source: Adebayo et al. 2018, "Sanity Checks for Saliency Maps", arXiv:1810.03292: a map that
    stays the same when the weights are random shows the picture, not the model.
    """
    for draw in range(draws):
        start_afresh(seed + draw)
        yield keras.models.clone_model(model)


def rank_correlations(maps: npt.NDArray[Any], others: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return Spearman's rank correlation, -1..1, of each map with its other one.

    Args:
        maps: Float (n, side, side).
        others: As `maps`.

    Returns:
        float64 (n,); 0 where only the other map is the same everywhere, since nothing is left of
        the first in it, and NaN where the first is.
    """
    first, second = (_standardised(each.reshape(len(each), -1)) for each in (maps, others))
    correlations: npt.NDArray[np.float64] = (first * second).mean(axis=1)
    correlations[~first.any(axis=1)] = np.nan
    return correlations


def _standardised(values: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    ranks = rankdata(values, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    deviation = ranks.std(axis=1, keepdims=True)
    standardised: npt.NDArray[np.float64] = ranks / np.where(deviation > 0, deviation, 1)
    return standardised
