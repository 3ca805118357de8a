"""Train the final model with the tuned hyperparameters."""

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

MODEL = "model.keras"


class FinalSettings(Section):
    """How the final model is trained."""

    training: TrainingSettings = Field(
        TrainingSettings(epochs=30), description="How the final model is trained."
    )


@stage(numeric=True, resumable=True)
def final(
    folder: Path,
    *,
    prepared: Artifact,
    splits: Artifact,
    tuned: Artifact,
    network: NetworkSettings,
    augmentation: AugmentSettings,
    settings: FinalSettings,
) -> dict[str, Any]:
    """Write `model.keras`, a serving model of stored patches, and `history.csv`.

    It is trained on the role "train" of the split; "validation" stops it.
    """
    from pcam_core.training.cost import checkpoint_bytes, expected_seconds
    from pcam_core.training.serving import save_model
    from pcam_core.training.trainer import Trainer

    name, hyperparameters = read_best(tuned)
    table = read_splits(splits)
    training, checks = (table[table["role"] == role] for role in ("train", "validation"))
    patches = settings.training.patches(len(training))
    seconds = expected_seconds([(name, hyperparameters, patches)], network)
    disk = 400_000_000 + checkpoint_bytes([(name, hyperparameters)], network)
    announce("Train the final model", folder, disk, seconds)

    trainer = Trainer(open_store(prepared, "train"), network, augmentation, settings.training)
    checkpoints = folder / "checkpoints"
    what = f"Final training of {name}"
    trained = trainer.train(name, hyperparameters, training, checks, what, checkpoints)
    save_model(trained.model, folder / MODEL)
    trained.history.to_csv(folder / "history.csv", index=False)
    shutil.rmtree(checkpoints)
    watched = trained.history[settings.training.watch]
    best = watched.argmin() if settings.training.watch_mode == "min" else watched.argmax()
    return {
        "model": name,
        "hyperparameters": hyperparameters,
        "parameters": int(trained.model.count_params()),
        "epochs": len(trained.history),
        "best_epoch": int(best) + 1,
        "patches": {"train": len(training), "validation": len(checks)},
        "notes": list(trained.notes),
    }


def load_final(artifact: Artifact) -> Any:
    """Load the serving model; see `load_model`."""
    from pcam_core.training.serving import load_model

    return load_model(artifact.path / MODEL)
