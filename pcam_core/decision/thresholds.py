"""Choosing the probability from which a patch counts as tumour."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pcam_core.cuts import Cuts, Floats, cuts
from pcam_core.decision.settings import DecisionSettings
from pcam_core.measures import Labels, Probabilities


def choose_threshold(
    labels: Labels, probabilities: Probabilities, settings: DecisionSettings
) -> float:
    """Return the threshold that the rule of the settings prefers.

    Args:
        labels: 0 or 1, both present.
        probabilities: Of label 1, 0..1.
        settings: The rule.

    Returns:
        One of the probabilities, or just above all of them where it is best to call nothing
        tumour. Of thresholds that the rule likes equally the lowest, which misses least; but a
        wanted specificity is not undercut for nothing.
    """
    return float(best_thresholds(cuts(labels, probabilities), settings))


def best_thresholds(sample: Cuts, settings: DecisionSettings) -> Floats:
    """Return what `choose_threshold` does for every sample of the cuts, float64 (...)."""
    worth = _worth(sample, settings)
    last = worth.shape[-1] - 1 - np.argmax(worth[..., ::-1], axis=-1)
    chosen: Floats = sample.thresholds[last]
    return chosen


def in_words(settings: DecisionSettings) -> str:
    """Return what the threshold is chosen by, to follow "chosen by"."""
    return {
        "f1": "the highest F1",
        "youden": "the highest sum of sensitivity and specificity (Youden's J)",
        "sensitivity": f"the highest specificity at a sensitivity of at least {settings.target}",
        "specificity": f"the highest sensitivity at a specificity of at least {settings.target}",
        "cost": f"the lowest cost, where a miss costs {settings.miss_cost} false alarms",
    }[settings.threshold]


def _worth(sample: Cuts, settings: DecisionSettings) -> npt.NDArray[Any]:
    """Return what the rule raises, (..., cuts)."""
    tp, fp, positives, negatives = sample.tp, sample.fp, sample.positives, sample.negatives
    if settings.threshold == "f1":
        return 2 * tp / (tp + fp + positives)
    if settings.threshold == "youden":
        # Youden, "Index for rating diagnostic tests", 1950, times both counts: free of rounding.
        return tp * negatives - fp * positives
    if settings.threshold == "cost":
        assert settings.miss_cost is not None
        return -(settings.miss_cost * (positives - tp) + fp)
    assert settings.target is not None
    if settings.threshold == "sensitivity":
        kept = tp >= settings.target * positives - 1e-9
        return np.where(kept, -fp, -negatives - 1)
    kept = negatives - fp >= settings.target * negatives - 1e-9
    # Of equal sensitivities the one with fewer false alarms.
    return np.where(kept, tp - fp / (negatives + 1), -1)
