"""Cross-validate the tuned model, a fresh one in every fold."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field

from pcam_core.artifact import Artifact
from pcam_core.augment.settings import AugmentSettings
from pcam_core.expectation import announce
from pcam_core.models.settings import ModelName, NetworkSettings
from pcam_core.section import Section
from pcam_core.stage import stage
from pcam_core.stages.final_settings import architectures
from pcam_core.stages.prepare import open_store
from pcam_core.stages.split import read_splits
from pcam_core.training.settings import TrainingSettings


class CrossValidateSettings(Section):
    """How the folds are trained."""

    training: TrainingSettings = Field(
        TrainingSettings(epochs=15), description="How each fold is trained."
    )


@stage(numeric=True, resumable=True)
def crossvalidate(
    folder: Path,
    *,
    prepared: Artifact,
    splits: Artifact,
    tuned: Artifact,
    others: Mapping[ModelName, float],
    network: NetworkSettings,
    augmentation: AugmentSettings,
    settings: CrossValidateSettings,
) -> dict[str, Any]:
    """Write what the models of the folds give for patches that they have not seen, and themselves.

    - `predictions.csv`: id, label, fold, probability (out-of-fold, the mean over architectures);
    - `histories.csv`, with columns model and fold;
    - the serving model of every fold, named by `model_file`.

    Args:
        folder: Where.
        prepared: The patches.
        splits: Their folds.
        tuned: Artifact of `tune`.
        others: Learning rates of further architectures that are averaged with the tuned one.
        network: What is common to all of them.
        augmentation: Changes of the training patches.
        settings: How each is trained.

    Figures: the tuned `model`; the scores at .5 of every fold, with mean and deviation; parameters
    of all architectures together, seconds and notes; and `models`, the same of each architecture.
    """
    from pcam_core.training.cost import checkpoint_bytes, expected_seconds
    from pcam_core.training.folds import scored_folds, train_folds
    from pcam_core.training.trainer import Trainer

    chosen = architectures(tuned, others)
    table = read_splits(splits)
    table = table[table["cv_fold"] >= 0]
    folds = table["cv_fold"].nunique()
    trainer = Trainer(open_store(prepared, "train"), network, augmentation, settings.training)
    patches = settings.training.patches(len(table) * (1 - 1 / folds))
    passes = [(name, hyperparameters, patches) for name, hyperparameters in chosen.items()]
    # A fold's model is at most a tenth of a training's checkpoints.
    disk = checkpoint_bytes(chosen.items(), network) * (10 + folds * len(chosen)) // 10
    seconds = expected_seconds(passes * folds, network)
    announce("Cross-validate", folder, 10_000_000 + disk, seconds)

    checkpoints = folder / "checkpoints"
    found = {
        name: train_folds(
            trainer, name, hyperparameters, table, "cv_fold", "Cross-validate", checkpoints, folder
        )
        for name, hyperparameters in chosen.items()
    }
    histories = [each.histories.assign(model=name) for name, each in found.items()]
    pd.concat(histories).to_csv(folder / "histories.csv", index=False)
    predictions = next(iter(found.values())).predictions
    mean = np.mean([each.predictions["probability"] for each in found.values()], axis=0)
    predictions = predictions.assign(probability=mean)
    predictions.to_csv(folder / "predictions.csv", index=False)
    shutil.rmtree(checkpoints)
    figures = {name: each.figures for name, each in found.items()}
    return {
        "model": next(iter(chosen)),
        **scored_folds(predictions),
        "parameters": sum(each["parameters"] for each in figures.values()),
        "seconds": round(sum(each["seconds"] for each in figures.values()), 1),
        "notes": [note for each in figures.values() for note in each["notes"]],
        "models": figures,
    }
