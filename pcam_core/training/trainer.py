"""Training one network."""

import logging
import math
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import pandas as pd

from pcam_core.augment.settings import AugmentSettings
from pcam_core.measures import Probabilities
from pcam_core.models.layers import all_layers
from pcam_core.models.registry import architecture, build_network
from pcam_core.models.settings import Hyperparameters, NetworkSettings
from pcam_core.patch_store import PatchStore
from pcam_core.precision import xla_used
from pcam_core.training.checkpoints import Checkpoints
from pcam_core.training.class_weights import class_weights
from pcam_core.training.devices import all_gpus
from pcam_core.training.feed import Feed
from pcam_core.training.loop import Loop
from pcam_core.training.out_of_memory import is_out_of_memory
from pcam_core.training.phases import phases
from pcam_core.training.reproducible import start_afresh
from pcam_core.training.serving import serving_model
from pcam_core.training.settings import TrainingSettings
from pcam_core.training.stall import watched
from pcam_core.training.validation import Validation

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Trained:
    """What a training leaves.

    Attributes:
        model: The serving model with the best epoch's weights: stored patches to probability.
        probabilities: What it gives for the validation patches, in their order.
        history: One row an epoch: epoch (from 1), learning_rate, and loss, accuracy, auc,
            precision, recall, f1 (at .5) with their val_ twins.
        seconds: Spent on it, by all processes that worked on it.
        notes: What did not go as set: smaller batches, no XLA.
    """

    model: keras.Model
    probabilities: Probabilities
    history: pd.DataFrame
    seconds: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Trainer:
    """Trains networks on one patch store under one set of settings.

    Attributes:
        store: Patches of the training part.
        network: Image size, start weights, precision, trained blocks.
        augmentation: Changes of the training patches.
        settings: Epochs, batch, optimizer, schedule, stop.
        checkpoint_seconds: Between two checkpoints; one is also made at the end of every epoch.
    """

    store: PatchStore
    network: NetworkSettings
    augmentation: AugmentSettings
    settings: TrainingSettings
    checkpoint_seconds: float = 60

    def train(
        self,
        name: str,
        hyperparameters: Hyperparameters,
        training: pd.DataFrame,
        validation: pd.DataFrame,
        what: str,
        checkpoints: Path | None = None,
    ) -> Trained:
        """Train a network, or go on with a training that was stopped.

        A device that runs out of memory gets batches half as large.

        Args:
            name: Registered architecture.
            hyperparameters: Its own, `learning_rate` and `augmentation_strength`; what is missing
                takes its defaults.
            training: Columns id and label (0 or 1) of the patches to train on.
            validation: The same of those that stop the training and pick the best epoch.
            what: What progress calls this training.
            checkpoints: Folder of this very training's checkpoints: those in it are gone on with.
                On a CPU the weights are then those of a training that was never stopped.

        Raises:
            FloatingPointError: The loss became infinite or no number.
            StalledError: Nothing moved for far longer than a step takes.
            OSError: A checkpoint could not be written; the earlier ones are as they were.
        """

        def work() -> Trained:
            kept = Checkpoints(checkpoints, self.checkpoint_seconds) if checkpoints else None
            batch_size, notes = self.settings.batch_size, list[str]()
            while True:
                state = kept.latest() if kept else None
                if state:
                    batch_size = min(batch_size, state.plain["batch_size"])
                try:
                    loop = self.loop(
                        name, hyperparameters, training, validation, what, batch_size=batch_size
                    )
                    loop.notes += notes
                    if state:
                        loop.restore(state)
                    loop.run(kept)
                    return _trained(loop)
                except Exception as error:
                    if not is_out_of_memory(error) or batch_size == 1:
                        raise
                # Only now is the network free that the error held.
                batch_size //= 2
                notes.append(f"The device ran out of memory: batches of {batch_size} from then on.")
                logger.warning("%s: %s", what, notes[-1])

        return watched(what, work)

    def loop(
        self,
        name: str,
        hyperparameters: Mapping[str, Any],
        training: pd.DataFrame,
        validation: pd.DataFrame,
        what: str,
        *,
        batch_size: int | None = None,
    ) -> Loop:
        """Return a training of a fresh network before its first step; see `train`.

        Args:
            name: Registered architecture.
            hyperparameters: As in `train`.
            training: Patches to train on.
            validation: Patches to validate with.
            what: What progress calls it.
            batch_size: Other than the settings'.
        """
        settings = self.settings
        start_afresh(settings.seed)
        strategy = all_gpus()
        with strategy.scope() if strategy else nullcontext():
            network = build_network(name, self.network, dict(hyperparameters))
            # What is augmented after enlarging has been enlarged when it reaches the network. The
            # network itself is not compiled, since it would be saved with its optimizer.
            trained = (
                keras.Model(network.input, network.output, name=network.name)
                if self.augmentation.on_enlarged
                else serving_model(network, self.store.side)
            )
        if strategy:
            for layer in all_layers(network):
                if isinstance(layer, keras.layers.BatchNormalization):
                    layer.synchronized = True
        # Outside the scope, where every patch is predicted once and not on every GPU.
        serving = serving_model(network, self.store.side)
        serving.compile(jit_compile=xla_used())
        rate = float(hyperparameters.get("learning_rate", architecture(name).learning_rate))
        blocks = self.network.trained_blocks
        return Loop(
            what=what,
            network=network,
            trained=trained,
            validation=Validation(serving, self.store, validation),
            feed=self.feed(
                training,
                batch_size or settings.batch_size,
                hyperparameters.get("augmentation_strength", self.augmentation.strength),
            ),
            settings=settings,
            phases=phases(network, settings, blocks, rate, settings.epochs),
            blocks=blocks,
            class_weights=class_weights(training["label"], settings.class_weights),
            strategy=strategy,
        )

    def feed(self, training: pd.DataFrame, batch_size: int, strength: float) -> Feed:
        """Return the batches to train on, augmented with this strength."""
        settings = self.settings
        most = settings.max_steps
        return Feed(
            self.store,
            training,
            batch_size=batch_size,
            enlarge_to=self.network.image_size if self.augmentation.on_enlarged else None,
            policy=self.augmentation.policy,
            strength=strength,
            shuffle=settings.seed,
            max_steps=math.ceil(most * settings.batch_size / batch_size) if most else None,
        )


def _trained(loop: Loop) -> Trained:
    for layer in all_layers(loop.network):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = False  # it would be saved so, and serves one by one
    table = pd.DataFrame(loop.history)
    table.insert(0, "epoch", range(1, len(table) + 1))
    return Trained(
        loop.validation.serving, loop.probabilities, table, loop.seconds, tuple(loop.notes)
    )
