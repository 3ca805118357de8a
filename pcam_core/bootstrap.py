"""Intervals of scores by resampling whole groups."""

from typing import Any

import numpy as np
import numpy.typing as npt

from pcam_core.measures import Labels, Probabilities, scores_of_counts

# Weights of draws times patches held in memory at once: 8 bytes each, a few arrays of them.
_CHUNK = 4_000_000

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


def intervals(
    labels: Labels,
    probabilities: Probabilities,
    groups: npt.NDArray[Any],
    threshold: float,
    *,
    draws: int,
    seed: int,
) -> dict[str, tuple[float, float]]:
    """Return 95 % bootstrap intervals of every score (see `scores`), resampling whole groups.

    Patches of one slide are alike; resampling single patches would promise too much (Efron
    and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 8).

    Args:
        labels: 0 or 1, both present.
        probabilities: Of label 1, 0..1.
        groups: Group of each patch.
        threshold: From which on a patch counts as positive.
        draws: Bootstrap samples; those that hold one class only are drawn again.
        seed: Seed of the draws.
    """
    names, group = np.unique(groups, return_inverse=True)
    kinds = np.zeros((len(names), 4), np.int64)  # tn, fp, fn, tp of each group
    np.add.at(kinds, (group, 2 * labels + (probabilities >= threshold)), 1)
    times = _times_drawn(kinds, draws, np.random.default_rng(seed))
    auc, precision = _ranking_scores(labels, probabilities, group, times)
    found = {"auc": auc, "average_precision": precision, **scores_of_counts(times @ kinds)}
    return {
        name: tuple(np.percentile(drawn, (2.5, 97.5)).tolist()) for name, drawn in found.items()
    }


def _times_drawn(kinds: Counts, draws: int, rng: np.random.Generator) -> Counts:
    """Return how often each sample (draws, groups) holds each group."""
    groups = len(kinds)
    found: list[Counts] = []
    while len(found) < draws:
        times = rng.multinomial(groups, np.full(groups, 1 / groups), size=draws)
        counts = times @ kinds
        both = (counts[:, :2].sum(axis=1) > 0) & (counts[:, 2:].sum(axis=1) > 0)
        found.extend(times[both])
    return np.stack(found[:draws])


def _ranking_scores(
    labels: Labels, probabilities: Probabilities, group: Counts, times: Counts
) -> tuple[Floats, Floats]:
    """Return the area under the ROC curve and the average precision of every sample."""
    order = np.argsort(-probabilities, kind="stable")
    # A curve has a point where a run of equal probabilities ends.
    ends = np.flatnonzero(np.diff(probabilities[order], append=np.nan))
    positive, group = labels[order], group[order]
    auc, precision = [], []
    for part in np.array_split(times, max(len(times) * len(labels) // _CHUNK, 1)):
        weights = part[:, group]
        tp = np.cumsum(weights * positive, axis=1)[:, ends]
        fp = np.cumsum(weights, axis=1)[:, ends] - tp
        more_tp, more_fp = (np.diff(counts, axis=1, prepend=0) for counts in (tp, fp))
        positives, negatives = tp[:, -1], fp[:, -1]
        auc.append((more_fp * (tp - more_tp / 2)).sum(axis=1) / (positives * negatives))
        precision.append((more_tp * tp / np.maximum(tp + fp, 1)).sum(axis=1) / positives)
    return np.concatenate(auc), np.concatenate(precision)
