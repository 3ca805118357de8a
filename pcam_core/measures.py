"""How good probabilities are."""

import numpy as np
import numpy.typing as npt
from sklearn import metrics

Labels = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float64]


def scores(labels: Labels, probabilities: Probabilities, threshold: float) -> dict[str, float]:
    """Return auc, average_precision, and accuracy, precision, recall, specificity and f1.

    Args:
        labels: 0 or 1, both present.
        probabilities: Of label 1, 0..1.
        threshold: From which on a patch counts as positive.
    """
    counts = np.array(list(confusion(labels, probabilities, threshold).values()))
    found = {
        "auc": metrics.roc_auc_score(labels, probabilities),
        "average_precision": metrics.average_precision_score(labels, probabilities),
        **scores_of_counts(counts),
    }
    return {name: float(value) for name, value in found.items()}


def scores_of_counts(counts: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[np.float64]]:
    """Return accuracy, precision, recall, specificity and f1; 0 where nothing is divided by 0.

    Args:
        counts: (..., 4): tn, fp, fn, tp.

    Returns:
        Arrays (...) by name.
    """
    tn, fp, fn, tp = np.moveaxis(counts, -1, 0)
    return {
        "accuracy": (tp + tn) / counts.sum(axis=-1),
        "precision": tp / np.maximum(tp + fp, 1),
        "recall": tp / np.maximum(tp + fn, 1),
        "specificity": tn / np.maximum(tn + fp, 1),
        "f1": 2 * tp / np.maximum(2 * tp + fp + fn, 1),
    }


def confusion(labels: Labels, probabilities: Probabilities, threshold: float) -> dict[str, int]:
    """Return the counts tn, fp, fn and tp at a threshold."""
    counts = np.bincount(2 * labels + (probabilities >= threshold), minlength=4)
    return dict(zip(("tn", "fp", "fn", "tp"), map(int, counts), strict=True))
