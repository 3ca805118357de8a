"""Train once more on patches drawn one by one, as the source notebook drew them."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.augment.settings import AugmentSettings
from pcam_core.expectation import announce
from pcam_core.models.settings import ModelName, NetworkSettings
from pcam_core.stage import stage
from pcam_core.stages.crossvalidate import CrossValidateSettings
from pcam_core.stages.final_settings import architectures
from pcam_core.stages.prepare import open_store
from pcam_core.stages.split import read_splits


@stage(numeric=True, resumable=True)
def random_split(
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
    """Write what a model gives for a fold whose slides it knows.

    It is trained as those of `crossvalidate`, on the same patches outside the test; only its fold,
    of the same size, is drawn patch by patch. What it scores above them is what the random split
    of the notebook pretends.

    Writes `predictions.csv`: id, label, probability (the mean over architectures).

    Args:
        folder: Where.
        prepared: The patches.
        splits: Which of them are outside the test, and their groups.
        tuned: Artifact of `tune`.
        others: Learning rates of further architectures that are averaged with the tuned one.
        network: What is common to all of them.
        augmentation: Changes of the training patches.
        settings: How each is trained.

    Figures: patches of the fold; `leaking`, the share 0..1 of them with a member of their group
    among those that train; seconds and notes.
    """
    from sklearn.model_selection import StratifiedKFold

    from pcam_core.training.cost import checkpoint_bytes, expected_seconds
    from pcam_core.training.folds import trained_once
    from pcam_core.training.trainer import Trainer

    table = read_splits(splits)
    table = table[table["cv_fold"] >= 0]
    folds = StratifiedKFold(table["cv_fold"].nunique(), shuffle=True, random_state=0)
    training, drawn = (table.iloc[rows] for rows in next(folds.split(table, table["label"])))
    chosen = architectures(tuned, others)
    patches = settings.training.patches(len(training))
    passes = [(name, hyperparameters, patches) for name, hyperparameters in chosen.items()]
    disk = 10_000_000 + checkpoint_bytes(chosen.items(), network)
    announce("Random split", folder, disk, expected_seconds(passes, network))

    trainer = Trainer(open_store(prepared, "train"), network, augmentation, settings.training)
    checkpoints = folder / "checkpoints"
    found = [
        trained_once(
            trainer, name, hyperparameters, training, drawn, f"Random split, {name}",
            checkpoints / name, None,
        )
        for name, hyperparameters in chosen.items()
    ]  # fmt: skip
    probabilities = np.mean([state.arrays["probabilities"] for state in found], axis=0)
    predictions = drawn[["id", "label"]].assign(probability=probabilities)
    predictions.to_csv(folder / "predictions.csv", index=False)
    shutil.rmtree(checkpoints)
    return {
        "patches": len(drawn),
        "leaking": float(drawn["group"].isin(set(training["group"])).mean()),
        "seconds": round(sum(state.plain["seconds"] for state in found), 1),
        "notes": [note for state in found for note in state.plain["notes"]],
    }


def read_random_split(artifact: Artifact) -> pd.DataFrame:
    """Return columns id, label and probability of the fold that was drawn patch by patch."""
    return pd.read_csv(artifact.path / "predictions.csv", dtype={"id": str})
