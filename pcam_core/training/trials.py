"""The trials of a search: what each draws, and training it so that a kill loses nothing."""

import hashlib
import json
import logging
import re
import shutil
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from pcam_core.models.registry import architecture
from pcam_core.models.settings import Hyperparameters, SearchSpace
from pcam_core.training.checkpoints import Checkpoints
from pcam_core.training.out_of_memory import is_out_of_memory
from pcam_core.training.state_file import DamagedStateError, State, read_state, write_state
from pcam_core.training.trainer import Trainer
from pcam_core.training.trial_columns import BACKBONE

logger = logging.getLogger(__name__)
_MOST_LETTERS = 300
_MOST_KILLS = 3


@dataclass(frozen=True)
class Outcome:
    """What came of a trial.

    Attributes:
        score: Its best epoch's objective; None if it failed.
        seconds: Spent on it and on the trials that it goes on from.
        note: Why it failed, or what did not go as set.
        kills: How often the process ended amid it since the last checkpoint.
    """

    score: float | None = None
    seconds: float = 0
    note: str = ""
    kills: int = 0


@dataclass(frozen=True)
class Trials:
    """Trains trials, each going on where its configuration's last one ended.

    Attributes:
        trainer: Patches, network and training settings; its epochs do not count.
        name: Registered architecture.
        training: Columns id and label of the patches that trials train on.
        validation: The same of those that score them.
        space: What may be chosen.
        objective: Validation figure to raise, "val_f1" or "val_auc".
        folder: Holds a folder a configuration, with its checkpoints and a file a trial that has
            ended; every process of the search sees it.
    """

    trainer: Trainer
    name: str
    training: pd.DataFrame
    validation: pd.DataFrame
    space: SearchSpace
    objective: str
    folder: Path

    def draw(self, hp: Any) -> tuple[str, Hyperparameters]:
        """Declare everything that is searched, and return the drawn architecture and values.

        Args:
            hp: `keras_tuner.HyperParameters`.
        """
        name = self.name
        if name in self.space.backbones:
            name = hp.Choice(BACKBONE, list(self.space.backbones))
        drawn = architecture(name).search(hp, self.space)
        if self.space.augmentation_strength:
            bounds = self.space.augmentation_strength
            drawn["augmentation_strength"] = hp.Float("augmentation_strength", *bounds)
        return name, drawn

    def train(self, hp: Any, what: str) -> float:
        """Train a trial to its end, unless that has been done, and return its score.

        Args:
            hp: The trial's `keras_tuner.HyperParameters`.
            what: What progress calls it.

        Raises:
            Exception: Whatever the training raised; `outcome` then tells of it.
        """
        before = self.outcome(hp) or Outcome()
        if before.score is not None:
            return before.score
        kills = 0 if self._moved(hp) else before.kills
        name, drawn = self.draw(hp)
        epochs = hp.values["tuner/epochs"]
        settings = self.trainer.settings.model_copy(update={"epochs": epochs})
        checkpoints = self._folder(hp) / "checkpoints"
        try:
            if kills >= _MOST_KILLS:
                raise MemoryError(f"probably, since {kills} times the process ended amid it")
            # A system that is short of memory ends processes without a word.
            self._keep(hp, Outcome(note="The process ended amid it.", kills=kills + 1))
            trained = replace(self.trainer, settings=settings).train(
                name, drawn, self.training, self.validation, what, checkpoints
            )
        except Exception as error:
            reason = _reason(error)
            logger.warning("%s failed: %s", what, reason)
            self._keep(hp, Outcome(note=reason, kills=kills if kills >= _MOST_KILLS else 0))
            raise
        # Where this file was damaged, the checkpoint may be of a longer trial.
        score = float(trained.history[self.objective].head(epochs).max())
        self._keep(hp, Outcome(score, trained.seconds, " ".join(trained.notes)))
        Checkpoints(checkpoints, 0).drop_older()
        return score

    def outcome(self, hp: Any) -> Outcome | None:
        """Return what came of a trial, None if it has not begun or what it left is damaged."""
        path = self._file(hp)
        try:
            return Outcome(**read_state(path).plain)
        except FileNotFoundError:
            return None
        except DamagedStateError:
            logger.warning("%s is damaged; the trial goes on from its last checkpoint.", path)
            return None

    def forget(self, hp: Any) -> None:
        """Delete the checkpoints of a configuration that no later trial will go on from."""
        shutil.rmtree(self._folder(hp) / "checkpoints", ignore_errors=True)

    def _keep(self, hp: Any, outcome: Outcome) -> None:
        write_state(self._file(hp), State({}, asdict(outcome)))

    def _moved(self, hp: Any) -> bool:
        """Whether there is a checkpoint since the trial was begun."""
        begun = self._file(hp)
        kept = [path.stat().st_mtime_ns for path in (begun.parent / "checkpoints").glob("[ab]")]
        return begun.exists() and max(kept, default=0) > begun.stat().st_mtime_ns

    def _file(self, hp: Any) -> Path:
        return self._folder(hp) / f"epochs-{hp.values['tuner/epochs']}"

    def _folder(self, hp: Any) -> Path:
        # Named by content: workers that share a search may get their trials in any order.
        text = json.dumps(own_values(hp), sort_keys=True)
        return self.folder / hashlib.sha256(text.encode()).hexdigest()[:16]


def own_values(hp: Any) -> dict[str, Any]:
    """Return a trial's hyperparameters without what Hyperband notes among them."""
    return {name: value for name, value in hp.values.items() if not name.startswith("tuner/")}


def _reason(error: Exception) -> str:
    short = isinstance(error, MemoryError) or is_out_of_memory(error)
    kind = "Out of memory" if short else type(error).__name__
    told = re.sub(r"{{.*?}}", "", str(error))  # where in TensorFlow's graph
    return f"{kind}: {' '.join(told.split())}"[:_MOST_LETTERS].rstrip(": ")
