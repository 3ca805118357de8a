"""Choose the threshold and calibrate probabilities, on patches that are not the test."""

from pathlib import Path
from typing import Any

import numpy as np

from pcam_core.artifact import Artifact
from pcam_core.bootstrap import percentile_interval, resample
from pcam_core.cuts import cuts
from pcam_core.decision.calibration import Calibrator, fit_calibrator
from pcam_core.decision.reliability import calibration_errors
from pcam_core.decision.settings import DecisionSettings
from pcam_core.decision.thresholds import best_thresholds, choose_threshold, in_words
from pcam_core.measures import scores
from pcam_core.stage import stage
from pcam_core.stages.final_predictions import deciding_patches

CALIBRATOR = "calibrator.json"

_DRAWS = 1000
_SEED = 42


@stage(numeric=True)
def threshold(
    folder: Path,
    *,
    prepared: Artifact,
    splits: Artifact,
    model: Artifact,
    settings: DecisionSettings,
) -> dict[str, Any]:
    """Choose and calibrate on predictions that are made in the way that the test's will be.

    Writes `predictions.csv` (id, label, group, probability, calibrated_probability) and
    `calibrator.json` (see `Calibrator`).

    Figures: `form` and `views` of the model; `threshold`, a probability before calibration, with
    the 95 % `interval` in which other samples of the groups would have put it, and its
    `calibrated_threshold`; `rule` in words; patches and groups; the scores `at_half` and
    `at_threshold`; `method`, `temperature`, and the calibration errors `before` and `after`.
    """
    table = deciding_patches(model, prepared, splits)
    labels, probabilities = table["label"].to_numpy(), table["probability"].to_numpy()
    chosen = choose_threshold(labels, probabilities, settings)
    drawn = resample(
        labels,
        table["group"].to_numpy(),
        lambda weights: {
            "threshold": best_thresholds(cuts(labels, probabilities, weights), settings)
        },
        draws=_DRAWS,
        seed=_SEED,
    )
    low, high = percentile_interval(drawn["threshold"])
    calibrator = fit_calibrator(labels, probabilities, settings.calibration)
    calibrated = calibrator.apply(probabilities)
    (folder / CALIBRATOR).write_text(calibrator.to_json())
    table.assign(calibrated_probability=calibrated).to_csv(folder / "predictions.csv", index=False)
    errors = {
        name: {error: float(value) for error, value in calibration_errors(labels, of).items()}
        for name, of in (("before", probabilities), ("after", calibrated))
    }
    return {
        "form": model.figures["form"],
        "views": model.figures["views"],
        "threshold": chosen,
        "interval": [min(low, chosen), max(high, chosen)],
        "calibrated_threshold": float(calibrator.apply(np.array([chosen]))[0]),
        "rule": in_words(settings),
        "patches": len(table),
        "groups": int(table["group"].nunique()),
        "at_half": scores(labels, probabilities, 0.5),
        "at_threshold": scores(labels, probabilities, chosen),
        "method": calibrator.method,
        "temperature": calibrator.temperature,
        **errors,
    }


def read_calibrator(decision: Artifact) -> Calibrator:
    """Return the calibrator that `threshold` wrote."""
    return Calibrator.from_json((decision.path / CALIBRATOR).read_text())
