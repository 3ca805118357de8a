"""Train the tuned model, and any others that are averaged with it, on the part "train"."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.augment.settings import AugmentSettings
from pcam_core.expectation import announce
from pcam_core.models.settings import ModelName, NetworkSettings
from pcam_core.stage import stage
from pcam_core.stages.final_settings import architectures
from pcam_core.stages.prepare import open_store
from pcam_core.stages.split import read_splits
from pcam_core.training.settings import TrainingSettings

HISTORY = "history.csv"


@stage(numeric=True, resumable=True)
def single(
    folder: Path,
    *,
    prepared: Artifact,
    splits: Artifact,
    tuned: Artifact,
    others: Mapping[ModelName, float],
    network: NetworkSettings,
    augmentation: AugmentSettings,
    settings: TrainingSettings,
) -> dict[str, Any]:
    """Write a serving model of stored patches for each architecture, and their `history.csv`.

    Each is trained on the role "train" of the split; "validation" stops it. The history has a
    column model.

    Args:
        folder: Where.
        prepared: The patches.
        splits: Their roles.
        tuned: Artifact of `tune`.
        others: Learning rates of further architectures.
        network: What is common to all of them.
        augmentation: Changes of the training patches.
        settings: How each is trained.

    Figures: `models`, by name, the tuned one first: parameters, epochs, best_epoch; the latter two
    of the tuned one; patches; notes.
    """
    from pcam_core.training.cost import checkpoint_bytes, expected_seconds
    from pcam_core.training.folds import model_file, trained_once
    from pcam_core.training.trainer import Trainer

    chosen = architectures(tuned, others)
    table = read_splits(splits)
    training, checks = (table[table["role"] == role] for role in ("train", "validation"))
    patches = settings.patches(len(training))
    passes = [(name, hyperparameters, patches) for name, hyperparameters in chosen.items()]
    disk = 400_000_000 * len(chosen) + checkpoint_bytes(chosen.items(), network)
    announce("Train the final model", folder, disk, expected_seconds(passes, network))

    trainer = Trainer(open_store(prepared, "train"), network, augmentation, settings)
    checkpoints = folder / "checkpoints"
    models, histories, notes = {}, [], list[str]()
    for name, hyperparameters in chosen.items():
        what = f"Final training of {name}"
        kept = trained_once(
            trainer, name, hyperparameters, training, checks, what, checkpoints / name,
            folder / model_file(name),
        ).plain  # fmt: skip
        history = pd.DataFrame(kept["history"])
        watched = history[settings.watch]
        best = watched.argmin() if settings.watch_mode == "min" else watched.argmax()
        models[name] = {
            "parameters": kept["parameters"],
            "epochs": len(history),
            "best_epoch": int(best) + 1,
        }
        histories.append(history.assign(model=name))
        notes += kept["notes"]
    pd.concat(histories).to_csv(folder / HISTORY, index=False)
    shutil.rmtree(checkpoints)
    tuned_one = next(iter(models.values()))
    return {
        "epochs": tuned_one["epochs"],
        "best_epoch": tuned_one["best_epoch"],
        "models": models,
        "patches": {"train": len(training), "validation": len(checks)},
        "notes": notes,
    }
