"""Search the hyperparameters of one model with keras-tuner's Hyperband."""

import json
import math
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from pcam_core.artifact import Artifact
from pcam_core.augment.settings import AugmentSettings
from pcam_core.expectation import announce
from pcam_core.models.settings import ModelName, NetworkSettings, SearchSpace
from pcam_core.section import Section
from pcam_core.stage import stage
from pcam_core.stages.prepare import open_store
from pcam_core.stages.split import read_splits
from pcam_core.training.settings import TrainingSettings


class TuneSettings(Section):
    """How the search goes (Li et al. 2018, arXiv:1603.06560)."""

    model: Literal["winner", ModelName] = Field(
        "custom_cnn",
        description="Registered model to tune, or 'winner' for the comparison's; a model that"
        " is tuned as another (custom_cnn as tunable_cnn) stands for it.",
    )
    objective: Literal["val_f1", "val_auc"] = Field(
        "val_f1", description="Validation figure that the search raises."
    )
    max_epochs: int = Field(20, ge=1, le=200, description="Epochs of the longest trials.")
    factor: int = Field(3, ge=2, le=10, description="One of so many trials goes on.")
    space: SearchSpace = Field(SearchSpace(), description="What may be chosen.")
    training: TrainingSettings = Field(
        TrainingSettings(), description="How a trial is trained; its epochs are Hyperband's."
    )


@stage(numeric=True)
def tune(
    folder: Path,
    *,
    prepared: Artifact,
    splits: Artifact,
    comparison: Artifact,
    network: NetworkSettings,
    augmentation: AugmentSettings,
    settings: TuneSettings,
) -> dict[str, Any]:
    """Write `best.json` (model, hyperparameters) and `trials.csv` (trial, score, epochs, ...).

    Trials are trained and scored on the two sides of the split's tuning part.
    """
    from pcam_core.models.registry import architecture
    from pcam_core.training.cost import expected_seconds
    from pcam_core.training.search import hyperband
    from pcam_core.training.trainer import Trainer

    chosen = comparison.figures["winner"] if settings.model == "winner" else settings.model
    name = architecture(chosen).tuned_as
    table = read_splits(splits)
    training, checks = (table[table["tune"] == part] for part in ("train", "validation"))
    rounds = list(hyperband_rounds(settings.max_epochs, settings.factor))
    once = settings.training.patches(len(training)) / settings.training.epochs
    # Before anything is drawn, the defaults stand for an average trial.
    passes = once * sum(trials * epochs for trials, epochs in rounds)
    announce("Tune", folder, 200_000_000, expected_seconds([(name, {}, passes)], network))

    trainer = Trainer(open_store(prepared, "train"), network, augmentation, settings.training)
    scratch = folder / "search"
    found = hyperband(
        trainer,
        name,
        training,
        checks,
        objective=settings.objective,
        max_epochs=settings.max_epochs,
        factor=settings.factor,
        space=settings.space,
        scratch=scratch,
    )
    shutil.rmtree(scratch)
    found.to_csv(folder / "trials.csv", index=False)
    best = found.iloc[0]
    hyperparameters = {
        key: value.item() if isinstance(value, np.generic) else value
        for key, value in best.drop(["trial", "status", "score", "epochs"]).items()
        if pd.notna(value)
    }
    (folder / "best.json").write_text(
        json.dumps({"model": name, "hyperparameters": hyperparameters}, indent=2)
    )
    return {
        "model": name,
        "hyperparameters": hyperparameters,
        "objective": settings.objective,
        "score": float(best["score"]),
        "trials": len(found),
        "epochs": sum(trials * epochs for trials, epochs in rounds),
        "patches": {"train": len(training), "validation": len(checks)},
    }


def read_best(artifact: Artifact) -> tuple[str, dict[str, Any]]:
    """Return the tuned model's name and hyperparameters."""
    best = json.loads((artifact.path / "best.json").read_text())
    return best["model"], best["hyperparameters"]


def hyperband_rounds(max_epochs: int, factor: int) -> Iterator[tuple[int, int]]:
    """Yield (trials, epochs that each of them adds) of every round of one Hyperband iteration."""
    brackets = 1
    while max_epochs / factor**brackets >= 1:
        brackets += 1
    # keras-tuner's own counts, which are not the paper's to the letter.
    last = math.ceil(1 + math.log(max_epochs, factor))
    for bracket in reversed(range(brackets)):
        before = 0
        for number in range(bracket + 1):
            left = bracket - number
            epochs = math.ceil(max_epochs / factor**left)
            yield math.ceil(last / (bracket + 1) * factor**left), epochs - before
            before = epochs
