"""One training under way: epoch by epoch, and from any step on."""

import logging
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

import keras
import numpy as np
import numpy.typing as npt

from pcam_core.measures import Probabilities
from pcam_core.models.settings import Blocks
from pcam_core.progress import Meter
from pcam_core.training.adam import make_optimizer
from pcam_core.training.checkpoints import Checkpoints
from pcam_core.training.compiled import compile_network
from pcam_core.training.early_stopping import EarlyStopping
from pcam_core.training.epochs import EpochEnd, tell
from pcam_core.training.feed import Feed
from pcam_core.training.phases import Phase, enter
from pcam_core.training.plateau import Plateau
from pcam_core.training.settings import TrainingSettings
from pcam_core.training.state_file import State
from pcam_core.training.steps import Steps, make_steps
from pcam_core.training.validation import Validation

logger = logging.getLogger(__name__)

Figures = dict[str, float]
_TRAINED = ("loss", "accuracy", "auc", "precision", "recall", "f1")


@dataclass
class Loop:
    """Everything that a training is, so that it can be stopped and gone on with at any step.

    Attributes:
        what: What progress calls it.
        network: Holds all weights.
        trained: What the steps train: the network, or the network behind the enlargement.
        validation: Measures the model that will serve.
        feed: Its batches follow from (epoch, step) alone.
        settings: Optimizer, schedule, stop.
        phases: Of the whole training.
        blocks: What `NetworkSettings.trained_blocks` says.
        class_weights: float32 (2,), of label 0 and 1 in the loss.
        strategy: TensorFlow's way of using several GPUs, if there are several.
        epoch: The current one, from 0.
        step: The next one in it, from 0.
        seconds: Spent on it so far.
        history: Figures of the finished epochs.
        notes: What a person should know about this training.
        best: Weights of the serving model at the best epoch.
        probabilities: What they give for the validation patches.
    """

    what: str
    network: keras.Model
    trained: keras.Model
    validation: Validation
    feed: Feed
    settings: TrainingSettings
    phases: list[Phase]
    blocks: Blocks
    class_weights: npt.NDArray[np.float32]
    strategy: Any | None = None
    epoch: int = 0
    step: int = 0
    seconds: float = 0
    history: list[Figures] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    best: list[npt.NDArray[Any]] = field(default_factory=list)
    probabilities: Probabilities = field(default_factory=lambda: np.empty(0))
    stopping: EarlyStopping = field(init=False)
    plateau: Plateau = field(init=False)
    _steps: Steps = field(init=False)

    def __post_init__(self) -> None:
        settings = self.settings
        self.stopping = EarlyStopping(settings.watch_mode, settings.stop_patience)
        self.enter_phase()

    @property
    def phase(self) -> Phase:
        """The phase of the current epoch; after the last epoch, the last phase."""
        return next((part for part in self.phases if self.epoch < part.end), self.phases[-1])

    @property
    def finished(self) -> bool:
        """Whether all epochs are done or validation has got no better for too long."""
        return self.epoch >= self.phases[-1].end or self.stopping.stopped

    def enter_phase(self) -> None:
        """Start the current epoch's phase: its weights learn, with a fresh optimizer."""
        settings, phase = self.settings, self.phase
        self.plateau = Plateau(
            settings.watch_mode,
            settings.plateau_patience,
            settings.plateau_factor,
            settings.min_learning_rate,
        )
        enter(phase, self.network, self.blocks)
        devices = self.strategy.num_replicas_in_sync if self.strategy else 1
        with self.strategy.scope() if self.strategy else nullcontext():
            steps = (phase.end - phase.start) * len(self.feed)
            optimizer = make_optimizer(settings, phase.rate, steps, devices)
            compile_network(self.trained, settings, optimizer)
        self._steps = make_steps(self.trained, self.strategy)

    def run(self, checkpoints: Checkpoints | None = None) -> None:
        """Train to the end and give the serving model its best weights.

        Args:
            checkpoints: Where the state is kept from time to time.

        Raises:
            FloatingPointError: The loss or a weight became infinite or no number.
            OSError: A checkpoint could not be written.
        """
        left = (self.phases[-1].end - self.epoch) * len(self.feed) - self.step
        meter = Meter(self.what, left)
        before = time.monotonic() - self.seconds
        while not self.finished:
            if self.step == 0:
                self.trained.reset_metrics()
            with closing(self.feed.batches(self.epoch, self.step)) as batches:
                for images, labels in batches:
                    weights = self.class_weights[labels[:, 0].astype(np.intp)]
                    self._steps(images, labels, weights)
                    self.step += 1
                    meter.advance(note=self._note())
                    if checkpoints and checkpoints.due:
                        self.seconds = time.monotonic() - before
                        checkpoints.save(self.state())
            self._end_epoch()
            self.seconds = time.monotonic() - before
            if checkpoints:
                checkpoints.save(self.state())
        self.validation.serving.set_weights(self.best)

    def state(self) -> State:
        """Return all that a later process needs to go on as if nothing had happened.

        Raises:
            FloatingPointError: The loss or a weight is infinite or no number.
        """
        self._steps.settle()
        arrays = {name: np.asarray(variable.numpy()) for name, variable in self._variables()}
        for values in arrays.values():
            if values.dtype.kind == "f" and not np.isfinite(values).all():
                raise self._burst()
        kept = {f"best/{n}": values for n, values in enumerate(self.best)}
        plain = {
            "epoch": self.epoch,
            "step": self.step,
            "batch_size": self.feed.batch_size,
            "seconds": self.seconds,
            "history": self.history,
            "notes": self.notes,
            "stopping": [self.stopping.best, self.stopping.waited],
            "plateau": [self.plateau.best, self.plateau.waited],
        }
        return State(arrays | kept | {"probabilities": self.probabilities}, plain)

    def restore(self, state: State) -> None:
        """Go on from a state, whose batches may have been larger."""
        plain, arrays = state.plain, state.arrays
        self.epoch, self.seconds = plain["epoch"], plain["seconds"]
        self.history = plain["history"]
        self.notes = list(dict.fromkeys([*plain["notes"], *self.notes]))
        self.enter_phase()
        self.stopping.best, self.stopping.waited = plain["stopping"]
        # A phase begins with an optimizer of its own; a shorter training may have ended just here.
        amid = plain["step"] > 0 or self.epoch > self.phase.start
        if amid:
            self.plateau.best, self.plateau.waited = plain["plateau"]
        for name, variable in self._variables():
            if amid or not name.startswith("optimizer/"):
                variable.assign(arrays[name])
        kept = (f"best/{n}" for n in range(len(self.validation.serving.weights)))
        self.best = [arrays[name] for name in kept if name in arrays]
        self.probabilities = arrays["probabilities"]
        larger, smaller = plain["batch_size"], self.feed.batch_size
        self.step = plain["step"] * larger // smaller
        # The cosine schedule counts steps, which are shorter now.
        done = self.trained.optimizer.iterations
        done.assign(int(done.numpy()) * larger // smaller)
        logger.info("%s goes on at epoch %d, step %d.", self.what, self.epoch + 1, self.step + 1)

    def _end_epoch(self) -> None:
        self._steps.settle()
        without_xla = f"XLA did not take {self.trained.name}; it was trained without."
        if self._steps.plain and without_xla not in self.notes:
            self.notes.append(without_xla)
        settings, optimizer = self.settings, self.trained.optimizer
        measured = {name: float(value) for name, value in self.trained.get_metrics_result().items()}
        rate = float(keras.ops.convert_to_numpy(optimizer.learning_rate))
        figures = {"learning_rate": rate} | {name: measured[name] for name in _TRAINED}
        if not np.isfinite(measured["loss"]):
            raise self._burst()
        with self._averaged():
            found, probabilities = self.validation.measure()
            figures |= found
            if self.stopping.is_better(figures[settings.watch]):
                self.best = self.validation.serving.get_weights()
                self.probabilities = probabilities
        phase = self.phase
        if phase.head_only:
            self.stopping.waited = 0
        if settings.schedule == "plateau":
            optimizer.learning_rate = self.plateau.rate(figures[settings.watch], rate)
        self.history.append(figures)
        self.epoch, self.step = self.epoch + 1, 0
        if self.phase != phase:
            self.enter_phase()
        tell(EpochEnd(self.what, self.epoch, figures))

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """Give the network its averaged weights; batch norm keeps its own running statistics."""
        if self.settings.ema is None:
            yield
            return
        learning = self.trained.trainable_variables
        raw = [variable.numpy() for variable in learning]
        self.trained.optimizer.finalize_variable_values(learning)
        # Under JAX they now share their memory with the averages, which prediction would give away.
        for variable in learning:
            variable.assign(variable.numpy())
        try:
            yield
        finally:
            for variable, value in zip(learning, raw, strict=True):
                variable.assign(value)

    def _variables(self) -> Iterator[tuple[str, Any]]:
        """Yield all that steps change, the seeds of dropout among the network's variables."""
        groups = {
            "network": self.network.variables,
            "optimizer": self.trained.optimizer.variables,
            "metrics": self.trained.metrics_variables,
        }
        for group, variables in groups.items():
            for number, variable in enumerate(variables):
                yield f"{group}/{number}", variable

    def _note(self) -> str:
        seen = f", validation AUC {self.history[-1]['val_auc']:.3f}" if self.history else ""
        return f"epoch {self.epoch + 1}{seen}"

    def _burst(self) -> FloatingPointError:
        return FloatingPointError(
            f"{self.what}: the loss is no number any more. Try a lower learning rate"
            " or network.precision=float32."
        )
