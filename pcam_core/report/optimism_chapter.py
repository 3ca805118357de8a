"""The chapter on what the notebook's way of evaluating would have claimed of this model."""

from collections.abc import Mapping
from typing import Any

from pcam_core.artifact import Artifact
from pcam_core.report.blocks import Chapter, Points, Table, Text
from pcam_core.report.result_chapters import interval_text

_SHOWN = ("accuracy", "precision", "recall", "f1", "auc")

_ROWS = {
    "honest": ("The held-out test", "none: the threshold comes from other patches"),
    "chose_the_epoch": (
        "The validation part, which chose the epoch",
        "selection on the reported patches",
    ),
    "tuned_on_test": ("The held-out test", "threshold tuned on the reported patches"),
    "trained_on": (
        "Patches that the model was trained on",
        "one model goes on training from fold to fold",
    ),
}


def optimism(optimism: Artifact, splits: Artifact) -> Chapter:
    """Set the notebook's claims beside the honest figures."""
    claims = optimism.figures
    rows = [(*words, *_told(claims[name])) for name, words in _ROWS.items()]
    folds = claims["folds"]
    fold_rows = [
        (words, *(f"{folds[name][score]:.3f}" for score in _SHOWN))
        for name, words in (
            ("at_half", "at .5, as compared here"),
            ("at_own", "at each fold's own best threshold, as the notebook told them"),
        )
    ]
    names = ("Accuracy", "Precision", "Recall", "F1", "AUC")
    return Chapter(
        "optimism",
        "The notebook's way",
        [
            Text(_sentence(claims)),
            Table(
                "The same model, measured honestly and with the notebook's errors",
                ("Measured on", "Error", "Patches", *names),
                rows,
                "llr" + "r" * len(names),
                "At the threshold with the highest F1: in the first row on the patches that decide,"
                " in the others on the very patches that they report.",
            ),
            Table(
                "The folds of the cross-validation, mean scores",
                ("Threshold", *names),
                fold_rows,
                "l" + "r" * len(names),
                "A threshold that is chosen on the fold it is told of can only look better in F1.",
            ),
            Points(_unpriced(splits.figures)),
        ],
    )


def _told(found: Mapping[str, Any]) -> tuple[str, ...]:
    return (f"{found['patches']:,}", *(f"{found['scores'][score]:.3f}" for score in _SHOWN))


def _sentence(claims: Mapping[str, Any]) -> str:
    validation, seen, honest = (
        claims[name]["scores"]["accuracy"] for name in ("chose_the_epoch", "trained_on", "honest")
    )
    below = " Where a claim lies below, chance in the choice of the part outweighs the error."
    return (
        f"The notebook's way would have claimed accuracy {validation:.3f} for this model (on the"
        f" validation part that chose its epoch, at a threshold tuned there), and {seen:.3f} on"
        f" patches that it had already been trained on; honest is {honest:.3f}"
        f" ({interval_text(claims['honest']['interval'])}) on the"
        f" {claims['honest']['patches']:,} held-out patches."
        f"{below if min(validation, seen) < honest else ''}"
    )


def _unpriced(splits: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (
            "Priced by a share, not by a score: the random split.",
            f"Drawn patch by patch, {splits['random_leak']:.1%} of the test would have had a"
            " member of its group among those that train or choose. What that is worth in accuracy"
            " takes another training; the patches trained on show how far it could go.",
        ),
        (
            "Not priced: a tuning set drawn from its own training set, and an F1 that is never"
            " reset.",
            "Both change which model is found, not how one model is measured.",
        ),
    ]
