"""K-fold training: a fresh model a fold, measured on the fold that it has not seen."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import pandas as pd

from pcam_core.fan_out import Job, workers
from pcam_core.measures import scores
from pcam_core.models.settings import Hyperparameters
from pcam_core.progress import Meter
from pcam_core.training.serving import save_model
from pcam_core.training.state_file import DamagedStateError, State, read_state, write_state
from pcam_core.training.trainer import Trained, Trainer

_FINISHED = "finished"
_training = Lock()


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
    models: Path | None = None,
) -> Folds:
    """Train and measure one model in every fold.

    Workers (see `pcam_core.fan_out`) take a fold each: they see the folders at the same paths,
    and on the same kind of device give the same models.

    Args:
        trainer: Patches and settings.
        name: Registered architecture.
        hyperparameters: Its own, and `learning_rate`.
        table: Columns id, label and `column`.
        column: Holds the fold of each patch.
        what: What progress calls this.
        checkpoints: Folder for these very folds: what a stopped run has left in it is gone on
            with, and finished folds are not trained again.
        models: Folder that gets the serving model of every fold, named by `model_file`.
    """
    numbers = sorted(table[column].unique())
    parts = {fold: (table[table[column] != fold], table[table[column] == fold]) for fold in numbers}
    jobs = {
        fold: partial(
            trained_once,
            trainer,
            name,
            hyperparameters,
            *parts[fold],
            f"{what} {name}, fold {fold + 1} of {len(numbers)}",
            checkpoints / f"{name}-{fold}",
            models / model_file(name, fold) if models else None,
        )
        for fold in numbers
    }
    # Several GPUs of one machine share each training instead.
    with workers(gpu=False) as staff:
        if staff:
            meter = Meter(f"{what} {name} on workers (folds)", len(numbers))
            alone = [partial(_alone, job) for job in jobs.values()]
            staff.run(alone, lambda _: meter.advance(1))
    predictions, histories, kept = [], [], []
    for fold in numbers:
        checks = parts[fold][1]
        state = jobs[fold]()  # finished if workers have done it
        probabilities = state.arrays["probabilities"]
        predictions.append(checks[["id", "label"]].assign(fold=fold, probability=probabilities))
        histories.append(pd.DataFrame(state.plain["history"]).assign(fold=fold))
        kept.append(state.plain)
    found = pd.concat(predictions)
    figures = {
        **scored_folds(found),
        "parameters": kept[-1]["parameters"],
        "seconds": round(sum(plain["seconds"] for plain in kept), 1),
        "notes": [
            f"Fold {n}: {note}" for n, plain in enumerate(kept, 1) for note in plain["notes"]
        ],
    }
    return Folds(found, pd.concat(histories), figures)


def scored_folds(predictions: pd.DataFrame) -> dict[str, Any]:
    """Return the scores at .5 of each of the `folds`, their `mean` and `deviation`.

    Args:
        predictions: Columns label, fold, probability.
    """
    found = [
        scores(fold["label"].to_numpy(), fold["probability"].to_numpy(), 0.5)
        for _, fold in predictions.groupby("fold", sort=True)
    ]
    return {
        "folds": found,
        "mean": {figure: float(np.mean([f[figure] for f in found])) for figure in found[0]},
        "deviation": {figure: float(np.std([f[figure] for f in found])) for figure in found[0]},
    }


def model_file(name: str, fold: int | None = None) -> str:
    """Return the file name of an architecture's serving model, or of that of one fold."""
    return f"{name}.keras" if fold is None else f"{name}-{fold}.keras"


def trained_once(
    trainer: Trainer,
    name: str,
    hyperparameters: Hyperparameters,
    training: pd.DataFrame,
    validation: pd.DataFrame,
    what: str,
    checkpoints: Path,
    file: Path | None,
) -> State:
    """Train a model, or return what it gave if it is finished.

    Args:
        trainer: Patches and settings.
        name: Registered architecture.
        hyperparameters: Its own, and `learning_rate`.
        training: Patches to train on; see `Trainer.train`.
        validation: Patches that pick the best epoch.
        what: What progress calls this.
        checkpoints: Folder of this very training.
        file: Where the serving model is saved; None: it is not.

    Returns:
        The array `probabilities` of the validation patches, and history (records), parameters,
        seconds and notes.
    """
    state = _finished(checkpoints)
    if state is None:
        trained = trainer.train(name, hyperparameters, training, validation, what, checkpoints)
        if file:
            save_model(trained.model, file)
        state = _state(trained)
        write_state(checkpoints / _FINISHED, state)
    return state


def _alone(job: Job) -> None:
    """Do a job when no other thread of this process trains: Keras' state is global."""
    with _training:
        job()


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
