"""How far probabilities are from the frequencies that they promise."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from pcam_core.cuts import Counts, Floats
from pcam_core.measures import Labels, Probabilities

BINS = 10


def calibration_errors(
    labels: Labels, probabilities: Probabilities, weights: Counts | None = None
) -> dict[str, Floats]:
    """Return `brier` and `ece`, both 0..1 and smaller where better, of one or many samples.

    The Brier score is the mean squared distance of probability and label (Brier, "Verification of
    forecasts expressed in terms of probability", 1950). The expected calibration error is the mean
    distance of probability and frequency in ten bins of equal width (Naeini et al., "Obtaining well
    calibrated probabilities using Bayesian binning", 2015).

    Args:
        labels: 0 or 1.
        probabilities: Of label 1, 0..1.
        weights: How often each sample holds each patch, int64 (..., patches); once by default.

    Returns:
        Arrays (...) by name.
    """
    held = np.ones(len(labels)) if weights is None else weights.astype(np.float64)
    off = probabilities - labels
    by_bin = np.zeros((len(labels), BINS))
    by_bin[np.arange(len(labels)), _bins(probabilities)] = off
    total = held.sum(axis=-1)
    return {
        "brier": held @ off**2 / total,
        "ece": np.abs(held @ by_bin).sum(axis=-1) / total,
    }


def reliability_bins(labels: Labels, probabilities: Probabilities) -> pd.DataFrame:
    """Return what a reliability diagram shows: patches and mean label and probability of each bin.

    Ten bins of equal width; those without patches are left out.
    """
    table = pd.DataFrame({"label": labels, "probability": probabilities, "patches": 1})
    how = {"label": "mean", "probability": "mean", "patches": "sum"}
    return table.groupby(_bins(probabilities)).agg(how).reset_index(drop=True)


def _bins(probabilities: Probabilities) -> npt.NDArray[np.int64]:
    return np.minimum((probabilities * BINS).astype(np.int64), BINS - 1)
