"""Measure the final model on the held-out test, which took no part in any choice."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from pcam_core.artifact import Artifact
from pcam_core.bootstrap import intervals, percentile_interval, reflected_interval, resample
from pcam_core.cuts import Counts, Floats, cuts
from pcam_core.datasets.dataset import Dataset
from pcam_core.decision.confident_errors import confident_errors
from pcam_core.decision.reliability import calibration_errors
from pcam_core.decision.slides import by_slide
from pcam_core.measures import confusion, scores
from pcam_core.patches import SIDE, Pixels
from pcam_core.section import Section
from pcam_core.stage import stage
from pcam_core.stages.final_predictions import held_out_patches
from pcam_core.stages.labels import read_ids
from pcam_core.stages.threshold import read_calibrator

SENSITIVITIES = (0.9, 0.95, 0.99)

_ERRORS = 10


class EvaluateSettings(Section):
    """How the intervals are drawn."""

    bootstrap_draws: int = Field(
        1000, ge=100, le=100_000, description="Bootstrap samples of whole groups."
    )
    seed: int = Field(42, ge=0, description="Seed of the draws.")


@stage(numeric=True)
def evaluate(
    folder: Path,
    *,
    data: Dataset,
    labels: Artifact,
    prepared: Artifact,
    splits: Artifact,
    model: Artifact,
    decision: Artifact,
    settings: EvaluateSettings,
) -> dict[str, Any]:
    """Measure the role "test" of the split.

    Writes:
        - `predictions.csv`: id, label, group, slide (empty where it is not known), probability,
          calibrated_probability;
        - `slides.csv`: figures of each known slide, see `by_slide`;
        - `errors.csv`, ten rows of `predictions.csv`: the errors farthest from their label, and
          `errors.npz`: their "pixels", uint8 (n, 96, 96, 3).

    Figures: patches, groups and known slides; `at_half` and `at_threshold`: every score with its
    95 % interval, and the confusion matrix; `at_sensitivity`: the specificity that the ROC curve
    reaches at each of some sensitivities, with its interval; `calibration`: Brier score and
    expected calibration error before and after, with intervals. All intervals resample groups.
    """
    slides = read_ids(labels, "train")[["id", "slide"]]
    table = held_out_patches(model, prepared, splits).merge(slides, on="id")
    calibrator = read_calibrator(decision)
    table["calibrated_probability"] = calibrator.apply(table["probability"].to_numpy())
    table.to_csv(folder / "predictions.csv", index=False)
    threshold = decision.figures["threshold"]
    known = by_slide(table, threshold)
    known.to_csv(folder / "slides.csv", index=False)
    wrong = confident_errors(table, threshold, _ERRORS)
    wrong.to_csv(folder / "errors.csv", index=False)
    pixels = np.array(list(data.patches("train", list(wrong["id"]))), np.uint8)
    np.savez(folder / "errors.npz", pixels=pixels.reshape(-1, SIDE, SIDE, 3))
    return {
        "patches": len(table),
        "groups": int(table["group"].nunique()),
        "slides": len(known),
        "at_half": _at(table, 0.5, settings),
        "at_threshold": _at(table, threshold, settings),
        "at_sensitivity": _at_sensitivities(table, settings),
        "calibration": {
            "method": calibrator.method,
            "before": _calibration(table, "probability", settings),
            "after": _calibration(table, "calibrated_probability", settings),
        },
    }


def read_errors(evaluation: Artifact) -> tuple[pd.DataFrame, Pixels]:
    """Return the most confident errors and their patches, uint8 (n, 96, 96, 3); see `evaluate`."""
    with np.load(evaluation.path / "errors.npz") as arrays:
        return _read(evaluation, "errors.csv"), arrays["pixels"]


def read_slides(evaluation: Artifact) -> pd.DataFrame:
    """Return the figures of each known slide; see `by_slide`."""
    return pd.read_csv(
        evaluation.path / "slides.csv",
        dtype={"slide": str},
        keep_default_na=False,
        na_values={"auc": [""]},
    )


def read_held_out(evaluation: Artifact) -> pd.DataFrame:
    """Return the table `predictions.csv`; see `evaluate`."""
    return _read(evaluation, "predictions.csv")


def _read(evaluation: Artifact, name: str) -> pd.DataFrame:
    types = {"id": str, "group": str, "slide": str}
    return pd.read_csv(evaluation.path / name, dtype=types, keep_default_na=False)


def _at(table: pd.DataFrame, threshold: float, settings: EvaluateSettings) -> dict[str, Any]:
    labels, probabilities = table["label"].to_numpy(), table["probability"].to_numpy()
    found = intervals(
        labels,
        probabilities,
        table["group"].to_numpy(),
        threshold,
        draws=settings.bootstrap_draws,
        seed=settings.seed,
    )
    return {
        "threshold": threshold,
        "scores": scores(labels, probabilities, threshold),
        "intervals": {score: list(bounds) for score, bounds in found.items()},
        "confusion": confusion(labels, probabilities, threshold),
    }


def _at_sensitivities(table: pd.DataFrame, settings: EvaluateSettings) -> list[dict[str, Any]]:
    labels, probabilities = table["label"].to_numpy(), table["probability"].to_numpy()

    def measure(weights: Counts | None) -> dict[str, Floats]:
        sample = cuts(labels, probabilities, weights)
        return {str(wanted): sample.specificity_at(wanted) for wanted in SENSITIVITIES}

    drawn = _resampled(table, measure, settings)
    return [
        {
            "sensitivity": wanted,
            "specificity": float(measure(None)[str(wanted)]),
            "interval": list(percentile_interval(drawn[str(wanted)])),
        }
        for wanted in SENSITIVITIES
    ]


def _calibration(table: pd.DataFrame, column: str, settings: EvaluateSettings) -> dict[str, Any]:
    labels, probabilities = table["label"].to_numpy(), table[column].to_numpy()

    def measure(weights: Counts | None) -> dict[str, Floats]:
        return calibration_errors(labels, probabilities, weights)

    values, drawn = measure(None), _resampled(table, measure, settings)
    brier, ece = float(values["brier"]), float(values["ece"])
    return {
        "brier": brier,
        "ece": ece,
        "intervals": {
            "brier": list(percentile_interval(drawn["brier"])),
            "ece": list(reflected_interval(ece, drawn["ece"])),
        },
    }


def _resampled(table: pd.DataFrame, measure: Any, settings: EvaluateSettings) -> dict[str, Floats]:
    labels, groups = table["label"].to_numpy(), table["group"].to_numpy()
    draws, seed = settings.bootstrap_draws, settings.seed
    return resample(labels, groups, measure, draws=draws, seed=seed)
