"""What is called positive at every threshold, in one sample or in many at once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pcam_core.measures import Labels, Probabilities

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Cuts:
    """The thresholds that differ in what they call positive, with the counts of each.

    Attributes:
        thresholds: float64 (cuts,), falling; the first is above every probability, the last the
            lowest of them.
        tp: Patches of label 1 called positive, int64 (..., cuts).
        fp: The same of label 0.
    """

    thresholds: Floats
    tp: Counts
    fp: Counts

    @property
    def positives(self) -> Counts:
        """Patches of label 1, int64 (..., 1)."""
        return self.tp[..., -1:]

    @property
    def negatives(self) -> Counts:
        """Patches of label 0, int64 (..., 1)."""
        return self.fp[..., -1:]

    def counts(self, threshold: float) -> Counts:
        """Return tn, fp, fn and tp at a threshold, int64 (..., 4)."""
        place = max(int(np.searchsorted(-self.thresholds, -threshold, side="right")) - 1, 0)
        tp, fp = self.tp[..., place], self.fp[..., place]
        tn, fn = self.negatives[..., 0] - fp, self.positives[..., 0] - tp
        return np.stack([tn, fp, fn, tp], axis=-1)

    def auc(self) -> Floats:
        """Return the area under the ROC curve, (...)."""
        rows = (self.tp[..., 1:] + self.tp[..., :-1]) / 2
        pairs = np.diff(self.fp, axis=-1) * rows
        area: Floats = pairs.sum(axis=-1) / (self.positives * self.negatives)[..., 0]
        return area

    def average_precision(self) -> Floats:
        """Return the average precision, (...)."""
        precision = self.tp[..., 1:] / np.maximum(self.tp + self.fp, 1)[..., 1:]
        gained = np.diff(self.tp, axis=-1) * precision
        average: Floats = gained.sum(axis=-1) / self.positives[..., 0]
        return average

    def specificity_at(self, sensitivity: float) -> Floats:
        """Return the highest specificity that keeps a sensitivity (0..1), (...)."""
        kept = self.tp >= sensitivity * self.positives - 1e-9
        first = np.argmax(kept, axis=-1)[..., None]
        false = np.take_along_axis(self.fp, first, axis=-1)
        return (1 - false / self.negatives)[..., 0]


def cuts(labels: Labels, probabilities: Probabilities, weights: Counts | None = None) -> Cuts:
    """Count what every threshold calls positive.

    Args:
        labels: 0 or 1, both present in every sample.
        probabilities: Of label 1, 0..1.
        weights: How often each sample holds each patch, int64 (..., patches); once by default.
    """
    order = np.argsort(-probabilities, kind="stable")
    ranked = probabilities[order]
    # A cut lies where a run of equal probabilities ends.
    ends = np.flatnonzero(np.diff(ranked, append=np.nan))
    held = np.ones(len(labels), np.int64) if weights is None else weights[..., order]
    tp = np.cumsum(held * labels[order], axis=-1)[..., ends]
    fp = np.cumsum(held, axis=-1)[..., ends] - tp
    nothing = np.zeros((*tp.shape[:-1], 1), np.int64)
    return Cuts(
        thresholds=np.append(np.nextafter(ranked[0], np.inf), ranked[ends]),
        tp=np.concatenate([nothing, tp], axis=-1),
        fp=np.concatenate([nothing, fp], axis=-1),
    )
