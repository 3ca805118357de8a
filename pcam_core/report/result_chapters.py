"""The chapters on what the final model is worth: threshold, held-out test, submission."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.report import result_figures as draw
from pcam_core.report.blocks import Badge, Block, Chapter, Picture, Row, Table, Text, picture
from pcam_core.report.error_gallery import error_gallery
from pcam_core.stages.evaluate import read_held_out, read_slides

SCORES = {
    "auc": "AUC",
    "average_precision": "Average precision",
    "accuracy": "Accuracy",
    "precision": "Precision",
    "recall": "Recall (sensitivity)",
    "specificity": "Specificity",
    "f1": "F1",
}
_CALIBRATION = {"ece": "Expected calibration error", "brier": "Brier score"}
_SLIDES = 10
_DECIDING = {
    "single": "patches of the calibration part, which trained nothing",
    "folds": "patches outside the test, each by the model of the fold that had not seen it; its"
    " fold only chose the epoch",
    "both": "patches of the calibration part, predicted by the single model, which they did not"
    " train, and by the model of the fold that had not seen them",
}


def decided(decision: Artifact) -> Chapter:
    """Show how the threshold was chosen, and what calibration changed where it was fitted."""
    figures = decision.figures
    half, chosen, at = figures["at_half"], figures["at_threshold"], figures["threshold"]
    low, high = figures["interval"]
    rows = [(words, f"{half[s]:.3f}", f"{chosen[s]:.3f}") for s, words in SCORES.items()]
    return Chapter(
        "decision",
        "Decision",
        [
            Text(
                f"The threshold {at:.4f} was chosen by {figures['rule']} on the"
                f" {figures['patches']:,} {_DECIDING[figures['form']]}. They have"
                f" {figures['groups']:,} groups and were predicted as the test is, in"
                f" {figures['views']} view{'s' if figures['views'] > 1 else ''}. Other samples of"
                f" these groups would have put it between {low:.3f} and {high:.3f}. Scores on these"
                " patches flatter it, since they chose it; the held-out test does not."
            ),
            Text(_calibrated(figures)),
            Row(
                [
                    picture(
                        "threshold", "Scores over the threshold", draw.threshold_curve(decision),
                        f"At the dashed line, {at:.3f}, F1 is {chosen['f1']:.3f} against"
                        f" {half['f1']:.3f} at .5; the band is where other samples would have put"
                        " it.",
                    )
                ]
            ),
            Table(
                "Scores on the patches that decide", ("Score", "At .5", f"At {at:.3f}"), rows, "lrr"
            ),
        ],
    )  # fmt: skip


def _calibrated(figures: dict[str, Any]) -> str:
    before, after = figures["before"]["ece"], figures["after"]["ece"]
    how = {
        "temperature": f"Dividing the model's logits by {figures['temperature']:.3f}",
        "isotonic": "An isotonic (rising) curve",
        "none": "",
    }[figures["method"]]
    if not how:
        return "Probabilities are not calibrated: they are the model's own."
    # The isotonic fit lowers this error; the temperature's may not.
    aim = ", though the fit aims at the log loss" if after > before else ""
    return (
        f"{how} calibrates its probabilities: on these patches the expected calibration error"
        f" goes from {before:.3f} to {after:.3f}{aim}. The threshold belongs to the model's own"
        f" probability; as a calibrated one it is {figures['calibrated_threshold']:.3f}."
    )


def held_out(evaluation: Artifact) -> Chapter:
    """Show what the held-out test says."""
    figures = evaluation.figures
    table = read_held_out(evaluation)
    half, chosen = figures["at_half"], figures["at_threshold"]
    threshold, counts = chosen["threshold"], chosen["confusion"]
    rows = [
        (words, f"{half['scores'][s]:.3f}", interval(half, s),
         f"{chosen['scores'][s]:.3f}", interval(chosen, s))
        for s, words in SCORES.items()
    ]  # fmt: skip
    ranking = [
        (f"Specificity at a sensitivity of {at['sensitivity']:.2f}",
         f"{at['specificity']:.3f}", interval_text(at["interval"]))
        for at in figures["at_sensitivity"]
    ]  # fmt: skip
    before, after = figures["calibration"]["before"], figures["calibration"]["after"]
    calibration = [
        (words, f"{before[s]:.4f}", interval(before, s, 4), f"{after[s]:.4f}",
         interval(after, s, 4))
        for s, words in _CALIBRATION.items()
    ]  # fmt: skip
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
            Table(
                "At a wanted sensitivity", ("Score", "Value", "95 % interval"), ranking, "lrr",
                "Read off the ROC curve of the test itself: what the ranking allows, not what a"
                " threshold chosen elsewhere will do.",
            ),
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
                        "Points on the dotted line keep their promise, below it the model is too"
                        " sure of tumour; larger dots stand for more patches. Calibration takes"
                        f" the expected error from {before['ece']:.1%} to {after['ece']:.1%}.",
                    ),
                    *_slide_pictures(evaluation),
                ]
            ),
            Table(
                "Calibration",
                ("Error", "Before", "95 % interval", "After", "95 % interval"),
                calibration,
                "lrrrr",
                "Smaller is better; the calibration was fitted to other patches. Noise alone raises"
                " the expected error above 0, which its interval takes back.",
            ),
            *_slide_tables(evaluation),
            *error_gallery(evaluation),
        ],
    )  # fmt: skip


def _slide_pictures(evaluation: Artifact) -> list[Picture]:
    table = read_slides(evaluation)
    if table.empty:
        return []
    worst, best = table.iloc[0], table.iloc[-1]
    return [
        picture(
            "slides", "Accuracy of each slide", draw.slide_accuracies(evaluation),
            f"From {worst['accuracy']:.1%} on slide {worst['slide']} to {best['accuracy']:.1%} on"
            f" slide {best['slide']}; larger dots stand for more patches.",
        )
    ]  # fmt: skip


def _slide_tables(evaluation: Artifact) -> list[Block]:
    table = read_slides(evaluation)
    if table.empty:
        return [Text("Slides are not known, so there are no figures of single slides.")]
    rows = [
        (
            str(row["slide"]),
            f"{row['patches']:,}",
            f"{row['positive']:,}",
            "one class" if pd.isna(row["auc"]) else f"{row['auc']:.3f}",
            f"{row['accuracy']:.3f}",
        )
        for row in table.head(_SLIDES).to_dict("records")
    ]
    left = len(table) - len(rows)
    return [
        Table(
            "Slides, the worst first",
            ("Slide", "Patches", "Tumour", "AUC", "Accuracy at the threshold"),
            rows,
            "lrrrr",
            f"{left:,} better ones stand in slides.csv." if left else "",
        )
    ]


def submitted(
    labels: Artifact,
    predictions: Artifact,
    submission: Artifact,
    decision: Artifact,
    receipts: Artifact,
) -> Chapter:
    """Say what was handed in, how it is spread over the classes, and where it lies."""
    found, threshold = predictions.figures, decision.figures["threshold"]
    positive, total = found["positive"], max(found["patches"], 1)
    train, tumour = labels.figures["train"], labels.figures["positive"]
    spread = [
        ("training labels", f"{train - tumour:,}", f"{tumour:,}", f"{tumour / max(train, 1):.1%}"),
        ("called so in the test part", f"{found['patches'] - positive:,}", f"{positive:,}",
         f"{positive / total:.1%}"),
        ("expected there by calibrated probability",
         f"{found['patches'] - found['expected_positive']:,.1f}",
         f"{found['expected_positive']:,.1f}", f"{found['expected_positive'] / total:.1%}"),
    ]  # fmt: skip
    flagged = [
        (flag, f"{number:,}", f"{number / total:.1%}") for flag, number in found["flags"].items()
    ]
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
                f"{what['rows']:,} rows, one {what['submit']} a test patch, every id once and in"
                f" the sample's order. {positive:,} patches ({positive / total:.1%}) reach the"
                " threshold."
            ),
            Row(
                [
                    picture(
                        "unlabelled", "Probabilities of the test patches",
                        draw.unlabelled_histogram(predictions, threshold),
                        f"{positive:,} of {found['patches']:,} unlabelled patches lie right of the"
                        " dashed line.",
                    )
                ]
            ),
            Table("Classes", ("Where", "No tumour", "Tumour", "Share"), spread, "lrrr"),
            Table(
                "Flags", ("Flag", "Patches", "Share"), flagged, "lrr",
                "Predictions to look at again, as predictions.csv marks them."
                if flagged else "No prediction has one.",
            ),
            Table(
                "Where it lies", ("Address", "Bytes", "SHA-256", "Transfer"), rows, "lrll"
            ),
        ],
    )  # fmt: skip


def interval(found: dict[str, Any], score: str, digits: int = 3) -> str:
    """Return a score's 95 % interval as text."""
    return interval_text(found["intervals"][score], digits)


def interval_text(bounds: Sequence[float], digits: int = 3) -> str:
    """Return an interval as text."""
    low, high = bounds
    return f"{low:.{digits}f} to {high:.{digits}f}"


def _sent(sent: bool) -> Badge:
    return Badge("sent", "good") if sent else Badge("already there", "good")
