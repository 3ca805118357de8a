"""Cross-validate the tuned model, a fresh one in every fold."""

import shutil
from pathlib import Path
from typing import Any

from pydantic import Field

from pcam_core.artifact import Artifact
from pcam_core.augment.settings import AugmentSettings
from pcam_core.expectation import announce
from pcam_core.models.settings import NetworkSettings
from pcam_core.section import Section
from pcam_core.stage import stage
from pcam_core.stages.prepare import open_store
from pcam_core.stages.split import read_splits
from pcam_core.stages.tune import read_best
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
    network: NetworkSettings,
    augmentation: AugmentSettings,
    settings: CrossValidateSettings,
) -> dict[str, Any]:
    """Write out-of-fold `predictions.csv` (id, label, fold, probability) and `histories.csv`.

    Figures: the scores at .5 of every fold, with mean and deviation.
    """
    from pcam_core.training.cost import checkpoint_bytes, expected_seconds
    from pcam_core.training.folds import train_folds
    from pcam_core.training.trainer import Trainer

    name, hyperparameters = read_best(tuned)
    table = read_splits(splits)
    table = table[table["cv_fold"] >= 0]
    folds = table["cv_fold"].nunique()
    trainer = Trainer(open_store(prepared, "train"), network, augmentation, settings.training)
    patches = settings.training.patches(len(table) * (1 - 1 / folds))
    seconds = expected_seconds([(name, hyperparameters, patches)] * folds, network)
    disk = 10_000_000 + checkpoint_bytes([(name, hyperparameters)], network)
    announce("Cross-validate", folder, disk, seconds)

    checkpoints = folder / "checkpoints"
    found = train_folds(
        trainer, name, hyperparameters, table, "cv_fold", "Cross-validate", checkpoints
    )
    found.predictions.to_csv(folder / "predictions.csv", index=False)
    found.histories.to_csv(folder / "histories.csv", index=False)
    shutil.rmtree(checkpoints)
    return {"model": name, **found.figures}
