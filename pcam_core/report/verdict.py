"""The verdict: what a reader must know if they read nothing else."""

from dataclasses import dataclass
from typing import Any

from pcam_core.artifact import Artifact
from pcam_core.report.splits_chapter import UNKNOWN_SLIDES, leak

_FEW = 10  # held-out groups


@dataclass(frozen=True)
class Card:
    """A number with its name and one line of context."""

    name: str
    value: str
    context: str


@dataclass(frozen=True)
class Verdict:
    """What stands at the top of the page.

    Attributes:
        headline: One sentence.
        cards: The numbers.
        interval: Low end, value and high end of the AUC, 0..1.
        leak: What makes the numbers too good, "" if nothing was found.
        honesty: How far the numbers can be trusted.
        warned: Whether `honesty` is a warning.
    """

    headline: str
    cards: tuple[Card, ...]
    interval: tuple[float, float, float]
    leak: str
    honesty: str
    warned: bool


def headline(evaluation: Artifact, predictions: Artifact, model: Artifact) -> dict[str, Any]:
    """Return the numbers of the verdict as JSON values.

    Returns:
        model (name), auc, auc_low, auc_high, threshold, precision, recall (all 0..1, on the
        held-out test, the latter two at the threshold), test_patches and test_positive.
    """
    found = evaluation.figures
    low, high = found["at_threshold"]["intervals"]["auc"]
    scores = found["at_threshold"]["scores"]
    return {
        "model": model.figures["model"],
        "auc": scores["auc"],
        "auc_low": low,
        "auc_high": high,
        "threshold": found["at_threshold"]["threshold"],
        "precision": scores["precision"],
        "recall": scores["recall"],
        "test_patches": predictions.figures["patches"],
        "test_positive": predictions.figures["positive"],
    }


def verdict(
    numbers: dict[str, Any],
    *,
    groups: Artifact,
    splits: Artifact,
    model: Artifact,
    evaluation: Artifact,
) -> Verdict:
    """Say how good the model is, and how far that can be trusted.

    Args:
        numbers: What `headline` returned.
        groups: Artifact of `groups`.
        splits: Artifact of `split`.
        model: Artifact of `final`.
        evaluation: Artifact of `evaluate`.
    """
    found = evaluation.figures
    patches, held_out = found["patches"], found["groups"]
    auc, low, high = (numbers[name] for name in ("auc", "auc_low", "auc_high"))
    positive, total = numbers["test_positive"], numbers["test_patches"]
    leaked = leak(splits, groups)
    at = f"at the threshold, on {patches:,} held-out patches"
    return Verdict(
        headline=f"{_subject(model.figures)} ranks a tumour patch above a normal one in"
        f" {auc:.1%} of all pairs, measured on {patches:,} held-out patches.",
        cards=(
            Card("AUC", f"{auc:.3f}", f"95 % interval {low:.3f} to {high:.3f}"),
            Card("Threshold", f"{numbers['threshold']:.3f}", "chosen on other patches"),
            Card("Precision", f"{numbers['precision']:.3f}", at),
            Card("Recall", f"{numbers['recall']:.3f}", at),
            Card(
                "Scored positive",
                f"{positive:,}",
                f"of {total:,} test patches ({positive / max(total, 1):.1%})",
            ),
        ),
        interval=(low, auc, high),
        leak=leaked,
        honesty=_honesty(groups.figures, held_out),
        warned=bool(leaked) or groups.figures["detected"] or held_out < _FEW,
    )


def _subject(final: dict[str, Any]) -> str:
    names = [final["model"], *final["others"]]
    networks = len(names) * (final["folds"] + (final["form"] != "folds"))
    told = " and ".join(names)
    return told if networks == 1 else f"The mean of {networks} networks ({told})"


def _honesty(groups: dict[str, Any], held_out: int) -> str:
    unknown = f" {UNKNOWN_SLIDES}" if groups["detected"] else ""
    few = " So few groups say little; the interval shows how little." if held_out < _FEW else ""
    return (
        f"Groups come from {groups['source']}, and the {held_out:,} held-out groups took no part in"
        f" training, tuning or the choice of the threshold.{unknown}{few}"
    )
