"""One Hyperband search over a registered architecture."""

from pathlib import Path
from typing import Any

import keras
import keras_tuner
import pandas as pd

from pcam_core.models.registry import architecture
from pcam_core.models.settings import SearchSpace
from pcam_core.training.stall import watched
from pcam_core.training.trainer import Trainer


def hyperband(
    trainer: Trainer,
    name: str,
    training: pd.DataFrame,
    validation: pd.DataFrame,
    *,
    objective: str,
    max_epochs: int,
    factor: int,
    space: SearchSpace,
    scratch: Path,
) -> pd.DataFrame:
    """Search, and return the trials, best first.

    Args:
        trainer: Patches, network and training settings; its epochs do not count.
        name: Registered architecture.
        training: Columns id and label of the patches that trials train on.
        validation: The same of those that score them.
        objective: Validation figure to raise, "val_f1" or "val_auc".
        max_epochs: Epochs of the longest trials.
        factor: One of so many trials goes on.
        space: What may be chosen.
        scratch: A new folder for keras-tuner's own files.

    Returns:
        Columns trial, status, score (best epoch's objective), epochs, and one a hyperparameter.
    """
    tuner = keras_tuner.Hyperband(
        _Model(trainer, name, training, validation, space, objective),
        objective=keras_tuner.Objective(objective, "max"),
        max_epochs=max_epochs,
        factor=factor,
        seed=trainer.settings.seed,
        directory=str(scratch),
        project_name=name,
    )
    tuner.search(verbose=0)
    rows = []
    for trial in tuner.oracle.trials.values():
        values = trial.hyperparameters.values
        own = {key: value for key, value in values.items() if not key.startswith("tuner/")}
        told = {"status": trial.status, "score": trial.score, "epochs": values["tuner/epochs"]}
        rows.append({"trial": trial.trial_id, **told, **own})
    # The id makes the order of equal scores certain.
    return pd.DataFrame(rows).sort_values(
        ["score", "trial"], ascending=[False, True], ignore_index=True
    )


class _Model(keras_tuner.HyperModel):
    def __init__(
        self,
        trainer: Trainer,
        name: str,
        training: pd.DataFrame,
        validation: pd.DataFrame,
        space: SearchSpace,
        objective: str,
    ) -> None:
        super().__init__(name=name)
        self.trainer = trainer
        self.training = training
        self.validation = validation
        self.space = space
        self.objective = objective

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        drawn = architecture(self.name).search(hp, self.space)
        values = hp.values
        origin = values.get("tuner/trial_id")
        what = f"Tune {self.name}, " + (f"trial {origin} goes on" if origin else "new trial")
        epochs = max(values.get("tuner/epochs", 1), 1)
        loop = self.trainer.loop(
            self.name, drawn, self.training, self.validation, what, epochs=epochs
        )
        loop.epoch = values.get("tuner/initial_epoch", 0)
        loop.enter_phase()
        self._loop = loop
        return loop.trained

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: keras.Model,
        *,
        callbacks: list[keras.callbacks.Callback],
        **told_by_hp: Any,
    ) -> dict[str, float]:
        del hp, told_by_hp
        loop = self._loop
        for callback in callbacks:
            callback.set_model(model)

        def each_epoch(epoch: int, figures: dict[str, float]) -> None:
            for callback in callbacks:
                callback.on_epoch_end(epoch, figures)

        watched(loop.what, lambda: loop.run(each_epoch=each_epoch))
        return max(loop.history, key=lambda figures: figures[self.objective])
