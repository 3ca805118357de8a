"""Intervals of scores by resampling whole groups."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pcam_core.cuts import Counts, Floats, cuts
from pcam_core.measures import Labels, Probabilities, scores_of_counts
from pcam_core.progress import Meter

# Weights of draws times patches held in memory at once: 8 bytes each, a few arrays of them.
_CHUNK = 4_000_000

Interval = tuple[float, float]


class Difference(NamedTuple):
    """A difference and its 95 % interval."""

    value: float
    low: float
    high: float


def intervals(
    labels: Labels,
    probabilities: Probabilities,
    groups: npt.NDArray[Any],
    threshold: float,
    *,
    draws: int,
    seed: int,
) -> dict[str, Interval]:
    """Return 95 % bootstrap intervals of every score (see `scores`), resampling whole groups.

    Args:
        labels: 0 or 1, both present.
        probabilities: Of label 1, 0..1.
        groups: Group of each patch.
        threshold: From which on a patch counts as positive.
        draws: Bootstrap samples.
        seed: Seed of the draws.
    """

    def measure(weights: Counts) -> dict[str, Floats]:
        sample = cuts(labels, probabilities, weights)
        return {
            "auc": sample.auc(),
            "average_precision": sample.average_precision(),
            **scores_of_counts(sample.counts(threshold)),
        }

    found = resample(labels, groups, measure, draws=draws, seed=seed)
    return {name: percentile_interval(drawn) for name, drawn in found.items()}


def paired_difference(
    labels: Labels,
    probabilities_a: Probabilities,
    probabilities_b: Probabilities,
    groups: npt.NDArray[Any],
    draws: int,
    seed: int,
) -> Difference:
    """Return the AUC of `a` minus that of `b` on the same patches, with its 95 % interval.

    Both are measured on the same samples of whole groups, so that what makes a sample easy or hard
    for both cancels out.

    Args:
        labels: 0 or 1, both present.
        probabilities_a: Of label 1, 0..1.
        probabilities_b: Of another model for the same patches.
        groups: Group of each patch.
        draws: Bootstrap samples.
        seed: Seed of the draws.
    """

    def measure(weights: Counts | None) -> dict[str, Floats]:
        one, other = (cuts(labels, p, weights) for p in (probabilities_a, probabilities_b))
        return {"difference": one.auc() - other.auc()}

    drawn = resample(labels, groups, measure, draws=draws, seed=seed)["difference"]
    return Difference(float(measure(None)["difference"]), *percentile_interval(drawn))


def interval_of_mean(
    values: npt.NDArray[np.floating[Any]], groups: npt.NDArray[Any], *, draws: int, seed: int
) -> Interval:
    """Return the 95 % bootstrap interval of a mean over patches, resampling whole groups.

    Args:
        values: One a patch.
        groups: The group of each.
        draws: Bootstrap samples.
        seed: Seed of the draws.
    """
    group = np.unique(groups, return_inverse=True)[1]
    sums, sizes = np.bincount(group, values), np.bincount(group)
    drawn = np.random.default_rng(seed).integers(len(sizes), size=(draws, len(sizes)))
    return percentile_interval(sums[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))


def resample(
    labels: Labels,
    groups: npt.NDArray[Any],
    measure: Callable[[Counts], dict[str, Floats]],
    *,
    draws: int,
    seed: int,
) -> dict[str, Floats]:
    """Measure bootstrap samples of whole groups.

    Patches of one slide are alike; resampling single patches would promise too much (Efron
    and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 8).

    Args:
        labels: 0 or 1 of each patch.
        groups: Its group.
        measure: Called with int64 (samples, patches), how often some of the samples hold each
            patch; returns arrays (samples,) by name.
        draws: Samples; those that hold one class only are drawn again.
        seed: Seed of the draws.

    Returns:
        Arrays (draws,) by name.

    Raises:
        ValueError: All patches are of one class.
    """
    names, group = np.unique(groups, return_inverse=True)
    size, positive = (np.bincount(group, of).astype(np.int64) for of in (None, labels))
    if positive.sum() in (0, size.sum()):
        raise ValueError("Intervals need patches of both classes.")
    rng = np.random.default_rng(seed)
    at_once = max(_CHUNK // len(labels), 1)
    meter = Meter("Resample groups", draws)
    found, left = [], draws
    while left:
        times = _times_drawn(len(names), min(at_once, left), rng)
        held, tumour = times @ size, times @ positive
        times = times[(tumour > 0) & (tumour < held)]
        if len(times):
            found.append(measure(times[:, group]))
            left -= len(times)
            meter.advance(len(times))
    return {name: np.concatenate([part[name] for part in found]) for name in found[0]}


def _times_drawn(groups: int, samples: int, rng: np.random.Generator) -> Counts:
    """Return how often each sample holds each group, int64 (samples, groups)."""
    # Ten times as fast as a multinomial draw where groups are many.
    drawn = rng.integers(groups, size=(samples, groups)) + groups * np.arange(samples)[:, None]
    return np.bincount(drawn.ravel(), minlength=samples * groups).reshape(samples, groups)


def percentile_interval(drawn: Floats) -> Interval:
    """Return the middle 95 % of what was drawn."""
    low, high = np.percentile(drawn, (2.5, 97.5)).tolist()
    return low, high


def reflected_interval(value: float, drawn: Floats) -> Interval:
    """Return the 95 % interval of a mean of distances, which resampling inflates.

    The draws are as far from the value as the value is from the truth, so that they are reflected
    at it (Efron and Tibshirani's basic interval); what falls below 0 is 0.
    """
    low, high = percentile_interval(drawn)
    return max(2 * value - high, 0.0), max(2 * value - low, 0.0)
