"""Price what the source notebook's way of evaluating would have claimed of the same model."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.bootstrap import intervals
from pcam_core.decision.settings import DecisionSettings
from pcam_core.decision.thresholds import choose_threshold
from pcam_core.measures import scores
from pcam_core.stage import stage
from pcam_core.stages.evaluate import EvaluateSettings, read_held_out
from pcam_core.stages.final_predictions import stopping_patches, trained_patches
from pcam_core.stages.random_split import read_random_split

_NOTEBOOKS = DecisionSettings(threshold="f1")


@stage(numeric=True)
def optimism(
    folder: Path,
    *,
    prepared: Artifact,
    splits: Artifact,
    crossvalidated: Artifact,
    random_split: Artifact,
    model: Artifact,
    decision: Artifact,
    evaluation: Artifact,
    settings: EvaluateSettings,
) -> dict[str, Any]:
    """Measure the final model and its folds with the notebook's errors, one at a time.

    The notebook took the threshold with the highest F1 on the very patches that it reported. So
    do these figures, each with the `threshold`, the number of `patches` and the scores:
    `tuned_on_test`, the held-out test; `chose_the_epoch`, the validation part, which stopped the
    training; `trained_on`, patches that the model was trained on, as many as the test has.
    `honest` is the held-out test at the highest F1 of the deciding patches, whatever the run's own
    rule is, with the 95 % `interval` of its accuracy. `folds` has the mean scores of the
    cross-validation `at_half` and, as the notebook told them, at each fold's own threshold
    (`at_own`); `random_split` is a fold of the same size and training that was drawn patch by
    patch, with `leaking`, see `pcam_core.stages.random_split`. Writes `predictions.csv` (claim,
    id, label, group, probability) of `chose_the_epoch` and `trained_on`.
    """
    tested = read_held_out(evaluation)
    shown = {
        "chose_the_epoch": stopping_patches(model, prepared, splits),
        "trained_on": trained_patches(model, prepared, splits, len(tested)),
    }
    pd.concat([table.assign(claim=claim) for claim, table in shown.items()]).to_csv(
        folder / "predictions.csv", index=False
    )
    claims = {"tuned_on_test": tested, **shown}
    return {
        "honest": _honest(tested, pd.read_csv(decision.path / "predictions.csv"), settings),
        **{name: _tuned_on_itself(table) for name, table in claims.items()},
        "folds": _folds(pd.read_csv(crossvalidated.path / "predictions.csv")),
        "random_split": {
            **_tuned_on_itself(read_random_split(random_split)),
            "leaking": random_split.figures["leaking"],
        },
    }


def _honest(
    tested: pd.DataFrame, deciding: pd.DataFrame, settings: EvaluateSettings
) -> dict[str, Any]:
    threshold = _best_f1(deciding)
    found = intervals(
        tested["label"].to_numpy(),
        tested["probability"].to_numpy(),
        tested["group"].to_numpy(),
        threshold,
        draws=settings.bootstrap_draws,
        seed=settings.seed,
    )
    return _scored(tested, threshold) | {"interval": list(found["accuracy"])}


def _tuned_on_itself(table: pd.DataFrame) -> dict[str, Any]:
    return _scored(table, _best_f1(table))


def _best_f1(table: pd.DataFrame) -> float:
    labels, probabilities = table["label"].to_numpy(), table["probability"].to_numpy()
    return choose_threshold(labels, probabilities, _NOTEBOOKS)


def _scored(table: pd.DataFrame, threshold: float) -> dict[str, Any]:
    found = scores(table["label"].to_numpy(), table["probability"].to_numpy(), threshold)
    return {"threshold": threshold, "patches": len(table), "scores": found}


def _folds(predictions: pd.DataFrame) -> dict[str, Any]:
    half, own = [], []
    for _, fold in predictions.groupby("fold"):
        labels, probabilities = fold["label"].to_numpy(), fold["probability"].to_numpy()
        half.append(scores(labels, probabilities, 0.5))
        own.append(_tuned_on_itself(fold)["scores"])
    return {
        "patches": len(predictions),
        "at_half": {name: float(np.mean([fold[name] for fold in half])) for name in half[0]},
        "at_own": {name: float(np.mean([fold[name] for fold in own])) for name in own[0]},
    }
