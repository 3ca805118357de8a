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


def optimism(optimism: Artifact) -> Chapter:
    """Set the notebook's claims beside the honest figures."""
    claims = optimism.figures
    rows = [(*words, *_told(claims[name])) for name, words in _ROWS.items()]
    folds, drawn = claims["folds"], claims["random_split"]
    fold_rows = [
        (*words, *(f"{found[score]:.3f}" for score in _SHOWN))
        for *words, found in (
            ("by group", "at .5, as compared here", folds["at_half"]),
            ("by group", "at each fold's own best threshold", folds["at_own"]),
            ("patch by patch, one fold", "at its own best threshold", drawn["scores"]),
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
                ("Drawn", "Threshold", *names),
                fold_rows,
                "ll" + "r" * len(names),
                "A threshold that is chosen on the fold it is told of can only look better in F1."
                f" {_drawn(drawn, folds)}",
            ),
            Points(_UNPRICED),
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


def _drawn(drawn: Mapping[str, Any], folds: Mapping[str, Any]) -> str:
    """Compare a fold drawn patch by patch with those drawn by group."""
    gain = drawn["scores"]["auc"] - folds["at_own"]["auc"]
    chance = "of which chance is a part" if drawn["leaking"] else "which is chance alone"
    return (
        f"The last row is the notebook's random split: of these {drawn['patches']:,} patches"
        f" {drawn['leaking']:.1%} have a member of their group among those that train. Same"
        f" network, same training: AUC {gain:+.3f}, {chance}."
    )


_UNPRICED = (
    (
        "Not priced: a tuning set drawn from its own training set, and an F1 that is never reset.",
        "Both change which model is found, not how one model is measured.",
    ),
)
