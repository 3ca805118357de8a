"""Search the hyperparameters of one model with keras-tuner's Hyperband."""

import json
import math
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from pcam_core.artifact import Artifact, Figures
from pcam_core.augment.settings import AugmentSettings
from pcam_core.expectation import announce
from pcam_core.models.settings import ModelName, NetworkSettings, SearchSpace
from pcam_core.section import Section
from pcam_core.stage import BUILDING, Stage
from pcam_core.stages.prepare import open_store
from pcam_core.stages.split import read_splits
from pcam_core.training.settings import TrainingSettings
from pcam_core.training.shared_search import is_worker
from pcam_core.training.trial_columns import BACKBONE, TOLD

_SEARCH = "search"


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
    max_trial_steps: int | None = Field(
        None,
        ge=1,
        description="Most steps of the longest trials, spread over their epochs, for small"
        " machines; none leaves it to training.max_steps.",
    )
    space: SearchSpace = Field(SearchSpace(), description="What may be chosen.")
    training: TrainingSettings = Field(
        TrainingSettings(), description="How a trial is trained; its epochs are Hyperband's."
    )

    @model_validator(mode="after")
    def _a_step_an_epoch(self) -> Self:
        if self.max_trial_steps and self.max_trial_steps < self.max_epochs:
            raise ValueError("max_trial_steps allows a step an epoch: it is at least max_epochs")
        return self

    @property
    def trial_training(self) -> TrainingSettings:
        """How a trial is trained, its steps capped."""
        caps = [self.training.max_steps, (self.max_trial_steps or 0) // self.max_epochs]
        cap = min((steps for steps in caps if steps), default=None)
        return self.training.model_copy(update={"max_steps": cap})


class SharedStage(Stage):
    """A stage of one search that several processes may work on, as keras-tuner does it."""

    def build(self, root: Path, **inputs: Any) -> Artifact:
        """Help the chief first, where this process is a worker of its; then see `Stage`."""
        key = self.key(**inputs)
        if is_worker() and not self.find(root, key):
            workshop = root / BUILDING / self.reference(root, key).path.name
            workshop.mkdir(parents=True, exist_ok=True)
            search(workshop, **inputs)
        return super().build(root, **inputs)


def _shared_stage(function: Callable[..., Figures]) -> SharedStage:
    return SharedStage(function, numeric=True, resumable=True)


@_shared_stage
def tune(folder: Path, *, splits: Artifact, settings: TuneSettings, **inputs: Any) -> Figures:
    """Write `best.json` (model, hyperparameters) and `trials.csv` (see `hyperband`).

    Trials are trained and scored on the two sides of the split's tuning part.

    Args:
        folder: Where they are written.
        splits: Artifact of `split`.
        settings: Of the search.
        inputs: The others of `search`.
    """
    found = search(folder, splits=splits, settings=settings, **inputs)
    shutil.rmtree(folder / _SEARCH)
    found.to_csv(folder / "trials.csv", index=False)
    best = found.iloc[0]
    hyperparameters = {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in best.drop(list(TOLD)).items()
        if pd.notna(value)
    }
    model = hyperparameters.pop(BACKBONE, None) or _model(inputs["comparison"], settings)
    (folder / "best.json").write_text(
        json.dumps({"model": model, "hyperparameters": hyperparameters}, indent=2)
    )
    training, checks = _parts(splits)
    return {
        "model": model,
        "hyperparameters": hyperparameters,
        "objective": settings.objective,
        "score": float(best["score"]),
        "trials": len(found),
        "failed": int((found["status"] == "FAILED").sum()),
        "seconds": float(found["seconds"].sum()),
        "patches": {"train": len(training), "validation": len(checks)},
    }


def search(
    folder: Path,
    *,
    prepared: Artifact,
    splits: Artifact,
    comparison: Artifact,
    network: NetworkSettings,
    augmentation: AugmentSettings,
    settings: TuneSettings,
) -> pd.DataFrame:
    """Return the trials of the whole search, best first; none for a worker, which trains them.

    Args:
        folder: What a stopped search left in it is gone on with.
        prepared: Artifact of `prepare`.
        splits: Artifact of `split`.
        comparison: Artifact of `compare`.
        network: Image size, start weights, precision, trained blocks.
        augmentation: Changes of the training patches.
        settings: Of the search.
    """
    from pcam_core.training.cost import checkpoint_bytes, expected_seconds
    from pcam_core.training.search import hyperband
    from pcam_core.training.trainer import Trainer
    from pcam_core.training.trials import Trials

    name, trained = _model(comparison, settings), settings.trial_training
    training, checks = _parts(splits)
    rounds = list(hyperband_rounds(settings.max_epochs, settings.factor))
    once = trained.patches(len(training)) / trained.epochs
    # Before anything is drawn, the defaults stand for an average trial.
    passes = once * sum(trials * epochs for trials, epochs in rounds)
    seconds = expected_seconds([(name, {}, passes)], network)
    # One of the two checkpoints of a configuration stays while a later trial may go on from it.
    disk = checkpoint_bytes([(name, {})], network) // 2 * (1 + sum(trials for trials, _ in rounds))
    announce("Tune", folder, disk, seconds)
    trials = Trials(
        Trainer(open_store(prepared, "train"), network, augmentation, trained),
        name,
        training,
        checks,
        settings.space,
        settings.objective,
        folder / _SEARCH,
    )
    return hyperband(trials, max_epochs=settings.max_epochs, factor=settings.factor)


def _model(comparison: Artifact, settings: TuneSettings) -> str:
    from pcam_core.models.registry import architecture

    chosen = comparison.figures["winner"] if settings.model == "winner" else settings.model
    return architecture(chosen).tuned_as


def _parts(splits: Artifact) -> tuple[pd.DataFrame, pd.DataFrame]:
    table = read_splits(splits)
    return table[table["tune"] == "train"], table[table["tune"] == "validation"]


def read_best(artifact: Artifact) -> tuple[str, dict[str, Any]]:
    """Return the tuned model's name and hyperparameters."""
    best = json.loads((artifact.path / "best.json").read_text())
    return best["model"], best["hyperparameters"]


def read_trials(artifact: Artifact) -> pd.DataFrame:
    """Return the trials, best first; see `pcam_core.training.search.hyperband`."""
    table = pd.read_csv(
        artifact.path / "trials.csv", dtype=dict.fromkeys(("trial", "goes_on_from", "note"), str)
    )
    return table.fillna({"goes_on_from": "", "note": ""})


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
