"""How good probabilities are: figures, the threshold, and intervals over groups."""

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import metrics

Labels = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float64]

AT_THRESHOLD = ("accuracy", "precision", "recall", "specificity", "f1")


def scores(labels: Labels, probabilities: Probabilities, threshold: float) -> dict[str, float]:
    """Return auc, average_precision, and accuracy, precision, recall, specificity and f1.

    Args:
        labels: 0 or 1, both present.
        probabilities: Of label 1, 0..1.
        threshold: From which on a patch counts as positive.
    """
    tn, fp, fn, tp = confusion(labels, probabilities, threshold).values()
    return {
        "auc": float(metrics.roc_auc_score(labels, probabilities)),
        "average_precision": float(metrics.average_precision_score(labels, probabilities)),
        "accuracy": (tp + tn) / len(labels),
        "precision": tp / max(tp + fp, 1),
        "recall": tp / max(tp + fn, 1),
        "specificity": tn / max(tn + fp, 1),
        "f1": 2 * tp / max(2 * tp + fp + fn, 1),
    }


def confusion(labels: Labels, probabilities: Probabilities, threshold: float) -> dict[str, int]:
    """Return the counts tn, fp, fn and tp at a threshold."""
    counts = np.bincount(2 * labels + (probabilities >= threshold), minlength=4)
    return dict(zip(("tn", "fp", "fn", "tp"), map(int, counts), strict=True))


def best_f1_threshold(labels: Labels, probabilities: Probabilities) -> float:
    """Return the threshold with the highest F1; the lowest such one where several tie."""
    precision, recall, thresholds = metrics.precision_recall_curve(labels, probabilities)
    total = precision + recall
    f1 = np.divide(2 * precision * recall, total, out=np.zeros_like(total), where=total > 0)
    return float(thresholds[np.argmax(f1[:-1])])


def intervals(
    labels: Labels,
    probabilities: Probabilities,
    groups: npt.NDArray[Any],
    threshold: float,
    *,
    draws: int,
    seed: int,
) -> dict[str, tuple[float, float]]:
    """Return 95 % bootstrap intervals of every score, resampling whole groups.

    Patches of one slide are alike; resampling single patches would promise too much (Efron
    and Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 8).

    Args:
        labels: 0 or 1.
        probabilities: Of label 1, 0..1.
        groups: Group of each patch.
        threshold: From which on a patch counts as positive.
        draws: Bootstrap samples; those that hold one class only are drawn again.
        seed: Seed of the draws.
    """
    rng = np.random.default_rng(seed)
    members = _members(groups)
    found: list[dict[str, float]] = []
    while len(found) < draws:
        drawn = rng.integers(0, len(members), len(members))
        rows = np.concatenate([members[group] for group in drawn])
        if 0 < labels[rows].sum() < len(rows):
            found.append(scores(labels[rows], probabilities[rows], threshold))
    return {
        name: tuple(np.percentile([draw[name] for draw in found], (2.5, 97.5)).tolist())
        for name in found[0]
    }


def _members(groups: npt.NDArray[Any]) -> list[npt.NDArray[np.int64]]:
    _, number, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    return np.split(np.argsort(number, kind="stable"), np.cumsum(sizes)[:-1])
