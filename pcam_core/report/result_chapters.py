"""The chapters on what the final model is worth: threshold, held-out test, submission."""

from typing import Any

import numpy as np
import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.report import result_figures as draw
from pcam_core.report.blocks import Badge, Chapter, Row, Table, Text, picture

_SCORES = {
    "auc": "AUC",
    "average_precision": "Average precision",
    "accuracy": "Accuracy",
    "precision": "Precision",
    "recall": "Recall (sensitivity)",
    "specificity": "Specificity",
    "f1": "F1",
}


def decided(decision: Artifact) -> Chapter:
    """Show how the threshold was chosen."""
    figures = decision.figures
    half, chosen, at = figures["at_half"], figures["at_threshold"], figures["threshold"]
    rows = [(words, f"{half[s]:.3f}", f"{chosen[s]:.3f}") for s, words in _SCORES.items()]
    return Chapter(
        "decision",
        "Decision threshold",
        [
            Text(
                f"{at:.4f} gives the highest F1 on the {figures['patches']:,} calibration patches."
                " Scores on these patches flatter the threshold, since they chose it; the held-out"
                " test above does not."
            ),
            Row(
                [
                    picture(
                        "threshold", "F1 over the threshold", draw.threshold_curve(decision),
                        f"F1 peaks at {at:.3f} with {chosen['f1']:.3f}, against {half['f1']:.3f}"
                        " at .5.",
                    )
                ]
            ),
            Table(
                "Scores on the calibration part", ("Score", "At .5", f"At {at:.3f}"), rows, "lrr"
            ),
        ],
    )  # fmt: skip


def held_out(evaluation: Artifact) -> Chapter:
    """Show what the held-out test says."""
    figures = evaluation.figures
    table = pd.read_csv(evaluation.path / "predictions.csv", dtype={"id": str, "group": str})
    half, chosen = figures["at_half"], figures["at_threshold"]
    threshold, counts = chosen["threshold"], chosen["confusion"]
    rows = [
        (words, f"{half['scores'][s]:.3f}", interval(half, s),
         f"{chosen['scores'][s]:.3f}", interval(chosen, s))
        for s, words in _SCORES.items()
    ]  # fmt: skip
    bins = draw.reliability_bins(table)
    off = float(np.abs(bins["label"] - bins["probability"]).mean())
    share = float(table["label"].mean())
    columns = ("Score", "At .5", "95 % interval", f"At {threshold:.3f}", "95 % interval")
    scores = chosen["scores"]
    return Chapter(
        "test",
        "Held-out test",
        [
            Text(
                f"{figures['patches']:,} patches of {figures['groups']:,} groups that took no part"
                " in any choice. Intervals are drawn over whole groups, because patches of one"
                " slide are alike."
            ),
            Table("Scores", columns, rows, "lrrrr"),
            Row(
                [
                    picture(
                        "roc", "ROC curve", draw.roc({"held-out test": table}),
                        f"A random tumour patch scores above a random other one with probability"
                        f" {half['scores']['auc']:.3f}.",
                    ),
                    picture(
                        "pr", "Precision and recall", draw.precision_recall(table, threshold),
                        f"At the threshold {scores['precision']:.1%} of what is called tumour is"
                        f" tumour, and {scores['recall']:.1%} of all tumour is found; guessing"
                        f" would have a precision of {share:.1%}.",
                    ),
                    picture(
                        "confusion", "Confusion matrices", draw.confusion_matrices(evaluation),
                        f"At the threshold {counts['fn']:,} tumour patches are missed and"
                        f" {counts['fp']:,} others are called tumour; shares are of each row.",
                    ),
                    picture(
                        "scores", "Scores by class", draw.score_histogram(table, threshold),
                        "The less the two classes overlap, the less the choice of a threshold"
                        " costs.",
                    ),
                    picture(
                        "reliability", "Reliability", draw.reliability(table),
                        f"In bins of equal count, probability and observed share differ by"
                        f" {off:.1%} on average.",
                    ),
                ]
            ),
        ],
    )  # fmt: skip


def submitted(
    predictions: Artifact, submission: Artifact, decision: Artifact, receipts: Artifact
) -> Chapter:
    """Say what was handed in, and where it lies."""
    found, threshold = predictions.figures, decision.figures["threshold"]
    positive, total = found["positive"], found["patches"]
    rows: list[tuple[Any, ...]] = [
        (entry["address"], f"{entry['bytes']:,}", entry["sha256"][:12], _sent(entry["sent"]))
        for entry in receipts.figures["receipts"]
    ]
    what = submission.figures
    return Chapter(
        "submission",
        "Submission",
        [
            Text(
                f"{what['rows']:,} rows, one {what['submit']} a test patch, every id once."
                f" {positive:,} patches ({positive / max(total, 1):.1%}) reach the threshold."
            ),
            Row(
                [
                    picture(
                        "unlabelled", "Probabilities of the test patches",
                        draw.unlabelled_histogram(predictions, threshold),
                        f"{positive:,} of {total:,} unlabelled patches lie right of the dashed"
                        " line.",
                    )
                ]
            ),
            Table(
                "Where it lies", ("Address", "Bytes", "SHA-256", "Transfer"), rows, "lrll"
            ),
        ],
    )  # fmt: skip


def interval(found: dict[str, Any], score: str) -> str:
    """Return a score's 95 % interval as text."""
    low, high = found["intervals"][score]
    return f"{low:.3f} to {high:.3f}"


def _sent(sent: bool) -> Badge:
    return Badge("sent", "good") if sent else Badge("already there", "good")
