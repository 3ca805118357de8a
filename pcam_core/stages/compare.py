"""Compare the candidate models by stratified, grouped K-fold, a fresh model in every fold."""

import shutil
from pathlib import Path
from typing import Any, Literal

import pandas as pd
from pydantic import Field

from pcam_core.artifact import Artifact
from pcam_core.augment.settings import AugmentSettings
from pcam_core.expectation import announce
from pcam_core.models.settings import ModelName, NetworkSettings
from pcam_core.section import Section
from pcam_core.stage import stage
from pcam_core.stages.prepare import open_store
from pcam_core.stages.split import read_splits
from pcam_core.training.settings import TrainingSettings

_DRAWS = 1000


class CompareSettings(Section):
    """Who competes, for how long, and for what."""

    models: tuple[ModelName, ...] = Field(
        ("custom_cnn", "resnet50", "efficientnet_b0"),
        min_length=1,
        description="Registered models to compare.",
    )
    criterion: Literal["accuracy", "auc"] = Field(
        "accuracy", description="Mean validation figure that decides; accuracy is taken at .5."
    )
    learning_rates: dict[ModelName, float] = Field(
        {"custom_cnn": 1e-4, "resnet50": 1e-5, "efficientnet_b0": 1e-4},
        description="Learning rate by model; one that is not named takes its own default.",
    )
    training: TrainingSettings = Field(
        TrainingSettings(
            epochs=2, batch_size=128, watch="val_loss", stop_patience=3, plateau_patience=2
        ),
        description="How each fold is trained.",
    )


@stage(numeric=True, resumable=True)
def compare(
    folder: Path,
    *,
    prepared: Artifact,
    splits: Artifact,
    network: NetworkSettings,
    augmentation: AugmentSettings,
    settings: CompareSettings,
) -> dict[str, Any]:
    """Write `predictions.csv` (model, id, fold, label, probability) and `histories.csv`.

    Figures: per model the scores at .5 of every fold with mean and deviation, parameters,
    seconds, and the winner's lead in AUC over all patches with its interval; the winner.
    """
    from pcam_core.bootstrap import paired_difference
    from pcam_core.models.registry import architecture
    from pcam_core.training.cost import checkpoint_bytes, expected_seconds
    from pcam_core.training.folds import train_folds
    from pcam_core.training.trainer import Trainer

    table = read_splits(splits)
    table = table[table["compare_fold"] >= 0]
    folds = table["compare_fold"].nunique()
    trainer = Trainer(open_store(prepared, "train"), network, augmentation, settings.training)
    patches = settings.training.patches(len(table) * (1 - 1 / folds)) * folds
    seconds = expected_seconds([(name, {}, patches) for name in settings.models], network)
    disk = 10_000_000 + checkpoint_bytes([(name, {}) for name in settings.models], network)
    announce("Compare models", folder, disk, seconds)
    checkpoints = folder / "checkpoints"

    predictions, histories, models = [], [], {}
    for name in settings.models:
        rate = settings.learning_rates.get(name, architecture(name).learning_rate)
        chosen = {"learning_rate": rate}
        found = train_folds(trainer, name, chosen, table, "compare_fold", "Compare", checkpoints)
        predictions.append(found.predictions.assign(model=name))
        histories.append(found.histories.assign(model=name))
        models[name] = found.figures
    pd.concat(predictions).to_csv(folder / "predictions.csv", index=False)
    pd.concat(histories).to_csv(folder / "histories.csv", index=False)
    shutil.rmtree(checkpoints)
    winner = max(models, key=lambda name: models[name]["mean"][settings.criterion])
    scored = {
        part["model"].iloc[0]: part.set_index("id").loc[table["id"], "probability"].to_numpy()
        for part in predictions
    }
    labels, groups = table["label"].to_numpy(), table["group"].to_numpy()
    for name, figures in models.items():
        lead = paired_difference(
            labels, scored[winner], scored[name], groups, _DRAWS, settings.training.seed
        )
        figures["winners_lead"] = lead._asdict()
    return {"winner": winner, "criterion": settings.criterion, "models": models}
