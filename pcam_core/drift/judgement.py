"""Whether new patches may be scored by a model: compared with what it was trained on."""

from typing import Literal

import pandas as pd
from pydantic import BaseModel, ConfigDict

from pcam_core.drift.reference import LIMITED, MEASURES, Reference
from pcam_core.drift.settings import DriftSettings
from pcam_core.drift.stability import by_chance, stability_index
from pcam_core.exploration.shift import FEWEST, largest_gap

Verdict = Literal["like the training patches", "shifted", "stopped"]
LIKE: Verdict = "like the training patches"


class MeasureShift(BaseModel):
    """One measure of new patches against the reference.

    Attributes:
        measure: One of `MEASURES`.
        index: See `stability_index`.
        by_chance: What the index may reach without any shift; see there.
        gap: Largest gap between cumulated shares (Kolmogorov and Smirnov), 0..1.
        verdict: By the index, where it is more than chance.
    """

    model_config = ConfigDict(frozen=True)

    measure: str
    index: float
    by_chance: float
    gap: float
    verdict: Verdict


class Drift(BaseModel):
    """A batch of new patches against the reference.

    Attributes:
        patches: How many were compared.
        unlike: How many of them are unlike anything seen.
        shifts: Of each measure.
        verdict: The worst of all.
        reasons: Why it is not the best, in words.
        settings: By which it was judged.
    """

    model_config = ConfigDict(frozen=True)

    patches: int
    unlike: int
    shifts: tuple[MeasureShift, ...]
    verdict: Verdict
    reasons: tuple[str, ...]
    settings: DriftSettings


def judge(reference: Reference, table: pd.DataFrame, settings: DriftSettings) -> Drift:
    """Compare the distributions of new patches with the reference.

    Of fewer than 20 patches no share of unlike ones counts.

    Args:
        reference: Of the training patches.
        table: A row a patch that could be read; columns `MEASURES` and `unlike` ("" or in what).
        settings: Limits.
    """
    count = len(table)
    shifts = [_shift(reference, table, name, settings) for name in MEASURES] if count else []
    unlike = int((table["unlike"] != "").sum())
    worst: list[Verdict] = [shift.verdict for shift in shifts]
    moved = [f"{each.measure} {each.index:.2f}" for each in shifts if each.verdict != LIKE]
    reasons = [f"stability index of {', '.join(moved)}"] if moved else []
    if count >= FEWEST and unlike / count > settings.warn_unlike:
        worst.append("stopped" if unlike / count > settings.stop_unlike else "shifted")
        reasons.append(f"{unlike:,} of {count:,} patches are unlike anything seen in training")
    order: tuple[Verdict, ...] = ("stopped", "shifted")
    verdict = next((each for each in order if each in worst), LIKE)
    return Drift(
        patches=count,
        unlike=unlike,
        shifts=tuple(shifts),
        verdict=verdict,
        reasons=tuple(reasons),
        settings=settings,
    )


def _shift(
    reference: Reference, table: pd.DataFrame, name: str, settings: DriftSettings
) -> MeasureShift:
    quantiles, values = reference.quantiles[name], table[name].to_numpy(float)
    index = stability_index(quantiles, values)
    chance = by_chance(reference.counts[name], len(values))
    verdict = LIKE
    if index >= max(settings.warn, chance):
        # Of what tells the unlike, their share is what stops: it moves with the slightest shift.
        stops = name not in LIMITED and index >= max(settings.stop, chance)
        verdict = "stopped" if stops else "shifted"
    return MeasureShift(
        measure=name,
        index=round(index, 4),
        by_chance=round(chance, 4),
        gap=largest_gap(quantiles, values),
        verdict=verdict,
    )
