"""The gate: whether a challenger is better than the champion."""

from dataclasses import dataclass

import pandas as pd

from pcam_core.bootstrap import Difference, paired_difference
from pcam_core.promotion.settings import PromotionSettings


@dataclass(frozen=True)
class Measured:
    """A model on the hold-out.

    Attributes:
        predictions: Columns id, label (0 or 1), group and probability (0..1).
        sensitivity: At its threshold, 0..1.
        calibration_error: Expected one of its calibrated probabilities, 0..1.
    """

    predictions: pd.DataFrame
    sensitivity: float
    calibration_error: float


@dataclass(frozen=True)
class Judgement:
    """What the gate says.

    Attributes:
        difference: AUC of the challenger minus that of the champion, with its 95 % interval.
        objections: Why the challenger is not promoted; none if it is.
    """

    difference: Difference
    objections: tuple[str, ...]


def judge(challenger: Measured, champion: Measured, settings: PromotionSettings) -> Judgement:
    """Compare two models on the same patches; see `paired_difference` and `PromotionSettings`.

    Raises:
        ValueError: They were measured on different patches.
    """
    ours, theirs = (m.predictions.set_index("id").sort_index() for m in (challenger, champion))
    if not ours.index.equals(theirs.index):
        raise ValueError("The models were measured on different patches.")
    difference = paired_difference(
        ours["label"].to_numpy(),
        ours["probability"].to_numpy(),
        theirs["probability"].to_numpy(),
        ours["group"].to_numpy(),
        draws=settings.bootstrap_draws,
        seed=settings.seed,
    )
    objections = []
    groups = int(ours.groupby("label")["group"].nunique().min())
    if groups < settings.min_groups:
        objections.append(
            f"the hold-out has only {groups:,} groups (slides or places) of a class, of"
            f" {settings.min_groups:,} that a judgement needs"
        )
    if not difference.low > settings.margin:
        objections.append(
            f"its AUC is {difference.value:+.4f} against the champion's (95 % interval"
            f" {difference.low:+.4f} to {difference.high:+.4f}), not wholly above the margin of"
            f" {settings.margin}"
        )
    if challenger.sensitivity < champion.sensitivity - settings.sensitivity_loss:
        objections.append(
            f"its sensitivity at its threshold is {challenger.sensitivity:.4f}, the champion's"
            f" {champion.sensitivity:.4f}"
        )
    if challenger.calibration_error > champion.calibration_error + settings.calibration_loss:
        objections.append(
            f"its calibration error is {challenger.calibration_error:.4f}, the champion's"
            f" {champion.calibration_error:.4f}"
        )
    return Judgement(difference, tuple(objections))
