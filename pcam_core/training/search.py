"""One Hyperband search over a registered architecture."""

from pathlib import Path
from typing import Any

import keras
import keras_tuner
import pandas as pd

from pcam_core.models.registry import architecture, build_network
from pcam_core.models.settings import SearchSpace
from pcam_core.precision import xla_used
from pcam_core.training.reproducible import start_afresh
from pcam_core.training.serving import serving_model
from pcam_core.training.trainer import Trainer, compile_network
from pcam_core.training.validation import Validation


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
        _Model(trainer, name, training, validation, space),
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
    ) -> None:
        super().__init__(name=name)
        self.trainer = trainer
        self.training = training
        self.validation = validation
        self.space = space

    def build(self, hp: keras_tuner.HyperParameters) -> keras.Model:
        trainer = self.trainer
        start_afresh(trainer.settings.seed)
        drawn = architecture(self.name).search(hp, self.space)
        network = build_network(self.name, trainer.network, drawn)
        serving = serving_model(network, trainer.store.side)
        serving.compile(jit_compile=xla_used())
        trained = network if trainer.augmentation.on_enlarged else serving
        steps = hp.values.get("tuner/epochs", 1) * len(trainer.feed(self.training))
        compile_network(trained, trainer.settings, float(drawn["learning_rate"]), steps)
        self._serving = serving
        return trained

    def fit(
        self,
        hp: keras_tuner.HyperParameters,
        model: keras.Model,
        *,
        epochs: int,
        initial_epoch: int,
        callbacks: list[keras.callbacks.Callback],
        verbose: int,
    ) -> Any:
        trainer = self.trainer
        feed = trainer.feed(self.training)
        validate = Validation(self._serving, trainer.store, self.validation, trainer.settings)
        feed.epoch = initial_epoch
        origin = hp.values.get("tuner/trial_id")
        what = f"Tune {self.name}, " + (f"trial {origin} goes on" if origin else "new trial")
        own = trainer.callbacks(what, (epochs - initial_epoch) * len(feed), validate)
        return model.fit(
            feed,
            epochs=epochs,
            initial_epoch=initial_epoch,
            shuffle=False,  # the feed shuffles
            callbacks=[*own, *callbacks],
            verbose=verbose,
        )
