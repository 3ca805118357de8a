"""K-fold training: a fresh model a fold, measured on the fold that it has not seen."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pcam_core.measures import scores
from pcam_core.models.settings import Hyperparameters
from pcam_core.training.state_file import DamagedStateError, State, read_state, write_state
from pcam_core.training.trainer import Trained, Trainer

_FINISHED = "finished"


@dataclass(frozen=True)
class Folds:
    """What the folds of one model gave.

    Attributes:
        predictions: Columns id, label, fold, probability: every patch from a model that was
            not trained on it.
        histories: The folds' training histories, with a column fold.
        figures: `folds` (the scores at .5 of each), their `mean` and `deviation`,
            `parameters`, `seconds`, and `notes` on what did not go as set.
    """

    predictions: pd.DataFrame
    histories: pd.DataFrame
    figures: dict[str, Any]


def train_folds(
    trainer: Trainer,
    name: str,
    hyperparameters: Hyperparameters,
    table: pd.DataFrame,
    column: str,
    what: str,
    checkpoints: Path,
) -> Folds:
    """Train and measure one model in every fold.

    Args:
        trainer: Patches and settings.
        name: Registered architecture.
        hyperparameters: Its own, and `learning_rate`.
        table: Columns id, label and `column`.
        column: Holds the fold of each patch.
        what: What progress calls this.
        checkpoints: Folder for these very folds: what a stopped run has left in it is gone on
            with, and finished folds are not trained again.
    """
    numbers = sorted(table[column].unique())
    predictions, histories, found, kept = [], [], [], []
    for fold in numbers:
        training, checks = table[table[column] != fold], table[table[column] == fold]
        told = f"{what} {name}, fold {fold + 1} of {len(numbers)}"
        folder = checkpoints / f"{name}-{fold}"
        state = _finished(folder)
        if state is None:
            trained = trainer.train(name, hyperparameters, training, checks, told, folder)
            state = _state(trained)
            write_state(folder / _FINISHED, state)
        probabilities = state.arrays["probabilities"]
        found.append(scores(checks["label"].to_numpy(), probabilities, 0.5))
        predictions.append(checks[["id", "label"]].assign(fold=fold, probability=probabilities))
        histories.append(pd.DataFrame(state.plain["history"]).assign(fold=fold))
        kept.append(state.plain)
    figures = {
        "folds": found,
        "mean": {figure: float(np.mean([f[figure] for f in found])) for figure in found[0]},
        "deviation": {figure: float(np.std([f[figure] for f in found])) for figure in found[0]},
        "parameters": kept[-1]["parameters"],
        "seconds": round(sum(plain["seconds"] for plain in kept), 1),
        "notes": [
            f"Fold {n}: {note}" for n, plain in enumerate(kept, 1) for note in plain["notes"]
        ],
    }
    return Folds(pd.concat(predictions), pd.concat(histories), figures)


def _finished(folder: Path) -> State | None:
    try:
        return read_state(folder / _FINISHED)
    except (FileNotFoundError, DamagedStateError):
        return None


def _state(trained: Trained) -> State:
    plain = {
        "history": trained.history.to_dict("records"),
        "parameters": int(trained.model.count_params()),
        "seconds": trained.seconds,
        "notes": list(trained.notes),
    }
    return State({"probabilities": trained.probabilities}, plain)
