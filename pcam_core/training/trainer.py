"""Training one network."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
import pandas as pd

from pcam_core.augment.settings import AugmentSettings
from pcam_core.measures import Probabilities
from pcam_core.models.registry import architecture, build_network
from pcam_core.models.settings import Hyperparameters, NetworkSettings
from pcam_core.patch_store import PatchStore
from pcam_core.precision import xla_used
from pcam_core.progress import Meter
from pcam_core.training.feed import Feed
from pcam_core.training.reproducible import start_afresh
from pcam_core.training.serving import serving_model
from pcam_core.training.settings import TrainingSettings
from pcam_core.training.validation import Validation


@dataclass(frozen=True)
class Trained:
    """What a training leaves.

    Attributes:
        model: The serving model with the best epoch's weights: stored patches to probability.
        probabilities: What it gives for the validation patches, in their order.
        history: One row an epoch: epoch (from 1), learning_rate, and loss, accuracy, auc,
            precision, recall, f1 (at .5) with their val_ twins.
    """

    model: keras.Model
    probabilities: Probabilities
    history: pd.DataFrame


@dataclass(frozen=True)
class Trainer:
    """Trains networks on one patch store under one set of settings.

    Attributes:
        store: Patches of the training part.
        network: Image size, start weights, precision.
        augmentation: Changes of the training patches.
        settings: Epochs, batch, schedule, stop.
    """

    store: PatchStore
    network: NetworkSettings
    augmentation: AugmentSettings
    settings: TrainingSettings

    def train(
        self,
        name: str,
        hyperparameters: Hyperparameters,
        training: pd.DataFrame,
        validation: pd.DataFrame,
        what: str,
    ) -> Trained:
        """Train a fresh network.

        Args:
            name: Registered architecture.
            hyperparameters: Its own, and `learning_rate`; what is missing takes its defaults.
            training: Columns id and label (0 or 1) of the patches to train on.
            validation: The same of those that stop the training and pick the best epoch.
            what: What progress calls this training.

        Raises:
            FloatingPointError: The loss became infinite or no number.
        """
        settings = self.settings
        start_afresh(settings.seed)
        network = build_network(name, self.network, hyperparameters)
        serving = serving_model(network, self.store.side)
        # What is augmented after enlarging has been enlarged when it reaches the network.
        trained = network if self.augmentation.on_enlarged else serving
        serving.compile(jit_compile=xla_used())
        feed = self.feed(training)
        rate = float(hyperparameters.get("learning_rate", architecture(name).learning_rate))
        compile_network(trained, settings, rate, settings.epochs * len(feed))
        validate = Validation(serving, self.store, validation, settings)
        callbacks = self.callbacks(what, settings.epochs * len(feed), validate)
        history = trained.fit(
            feed,
            epochs=settings.epochs,
            # The feed shuffles; Keras would again, with a generator that other threads draw from.
            shuffle=False,
            verbose=0,
            callbacks=callbacks,
        ).history
        if not np.isfinite(history["loss"]).all():
            raise FloatingPointError(
                f"{what}: the loss is no number any more. Try a lower learning rate"
                " or network.precision=float32."
            )
        table = pd.DataFrame(history)
        table.insert(0, "epoch", range(1, len(table) + 1))
        return Trained(serving, validate.probabilities, table)

    def callbacks(
        self, what: str, steps: int, validate: Validation
    ) -> list[keras.callbacks.Callback]:
        """Return what validates a training of so many steps, stops it and tells of it."""
        settings = self.settings
        watched = {"monitor": settings.watch, "mode": settings.watch_mode}
        found = [
            validate,  # first: the others read its figures
            _Telling(what, steps),
            keras.callbacks.TerminateOnNaN(),
            keras.callbacks.EarlyStopping(
                **watched, patience=settings.stop_patience, restore_best_weights=True
            ),
        ]
        if settings.schedule == "plateau":
            plateau = keras.callbacks.ReduceLROnPlateau(
                **watched,
                factor=settings.plateau_factor,
                patience=settings.plateau_patience,
                min_lr=settings.min_learning_rate,
            )
            found.append(plateau)
        return found

    def feed(self, training: pd.DataFrame) -> Feed:
        """Return the batches to train on."""
        settings = self.settings
        return Feed(
            self.store,
            training,
            batch_size=settings.batch_size,
            enlarge_to=self.network.image_size if self.augmentation.on_enlarged else None,
            policy=self.augmentation.policy,
            shuffle=settings.seed,
            max_steps=settings.max_steps,
        )


def compile_network(
    network: keras.Model, settings: TrainingSettings, rate: float, steps: int
) -> None:
    """Give a network its optimizer (Adam), loss (binary cross-entropy) and metrics.

    Args:
        network: Ends in one probability.
        settings: Schedule and label smoothing.
        rate: Highest learning rate.
        steps: All steps of the training, for the cosine schedule.
    """
    schedule: Any = rate
    if settings.schedule == "cosine":
        warm_up = max(steps // 20, 1)
        schedule = keras.optimizers.schedules.CosineDecay(
            0.0, max(steps - warm_up, 1), warmup_target=rate, warmup_steps=warm_up
        )
    optimizer = keras.optimizers.Adam(schedule)
    # A first step that still has to make the optimizer's variables is traced twice.
    optimizer.build(network.trainable_variables)
    network.compile(
        optimizer=optimizer,
        loss=keras.losses.BinaryCrossentropy(label_smoothing=settings.label_smoothing),
        metrics=[
            keras.metrics.BinaryAccuracy(name="accuracy"),
            keras.metrics.AUC(name="auc"),
            keras.metrics.Precision(name="precision"),
            keras.metrics.Recall(name="recall"),
            keras.metrics.F1Score(average="micro", threshold=0.5, name="f1"),
        ],
        jit_compile=xla_used(),
    )


class _Telling(keras.callbacks.Callback):
    """Tells progress every step and history the learning rate of every epoch."""

    def __init__(self, what: str, steps: int) -> None:
        super().__init__()
        self.meter = Meter(what, steps)
        self._note = ""

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        del batch, logs
        self.meter.advance(note=self._note)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)
            self._note = f"epoch {epoch + 1}, validation AUC {logs['val_auc']:.3f}"
