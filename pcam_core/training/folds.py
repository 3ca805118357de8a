"""K-fold training: a fresh model a fold, measured on the fold that it has not seen."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from pcam_core.measures import scores
from pcam_core.models.settings import Hyperparameters
from pcam_core.training.trainer import Trainer


@dataclass(frozen=True)
class Folds:
    """What the folds of one model gave.

    Attributes:
        predictions: Columns id, label, fold, probability: every patch from a model that was
            not trained on it.
        histories: The folds' training histories, with a column fold.
        figures: `folds` (the scores at .5 of each), their `mean` and `deviation`, and
            `parameters`.
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
) -> Folds:
    """Train and measure one model in every fold.

    Args:
        trainer: Patches and settings.
        name: Registered architecture.
        hyperparameters: Its own, and `learning_rate`.
        table: Columns id, label and `column`.
        column: Holds the fold of each patch.
        what: What progress calls this.
    """
    numbers = sorted(table[column].unique())
    predictions, histories, found = [], [], []
    for fold in numbers:
        training, checks = table[table[column] != fold], table[table[column] == fold]
        told = f"{what} {name}, fold {fold + 1} of {len(numbers)}"
        trained = trainer.train(name, hyperparameters, training, checks, told)
        probabilities = trained.probabilities
        found.append(scores(checks["label"].to_numpy(), probabilities, 0.5))
        predictions.append(checks[["id", "label"]].assign(fold=fold, probability=probabilities))
        histories.append(trained.history.assign(fold=fold))
    figures = {
        "folds": found,
        "mean": {figure: float(np.mean([f[figure] for f in found])) for figure in found[0]},
        "deviation": {figure: float(np.std([f[figure] for f in found])) for figure in found[0]},
        "parameters": int(trained.model.count_params()),
    }
    return Folds(pd.concat(predictions), pd.concat(histories), figures)
