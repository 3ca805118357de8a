"""Keeping the record of a run while it goes on."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from pcam_core.artifact import Artifact
from pcam_core.datasets.dataset import Dataset
from pcam_core.errors import InputError
from pcam_core.recipe import Recipe
from pcam_core.runs.history import RunHistory
from pcam_core.runs.process_identity import this_process
from pcam_core.runs.record import Ending, KeyFigures, RunRecord
from pcam_core.source_digest import source_digest
from pcam_core.stage import Stage, numeric_versions

logger = logging.getLogger(__name__)

_ERROR_LENGTH = 500


class Recorder:
    """Writes what becomes known of a run.

    Attributes:
        record: What is known so far.
    """

    def __init__(self, history: RunHistory, record: RunRecord) -> None:
        self.history = history
        self.record = record

    def plan(self, recipe: Recipe, data: Dataset, made: Sequence[tuple[Stage, Artifact]]) -> None:
        """Tell what the run is going to make; from now on `prune` leaves these artifacts alone."""
        self._update(
            recipe=recipe.name,
            settings=recipe.content(),
            data=data.address,
            data_key=data.key,
            code={stage.name: source_digest(stage.function.__module__) for stage, _ in made},
            versions=numeric_versions(),
            artifacts=tuple(artifact for _, artifact in made),
        )
        # A prune at this moment knows nothing of the plan: the run may look only afterwards for
        # what exists already.
        with self.history.lock():
            self.history.write(self.record)

    def found(self, figures: KeyFigures) -> None:
        """Tell what the run found; written when it ends."""
        self._update(figures=figures)

    def end(self, state: Ending, error: str | None = None) -> None:
        """Write how the run ended; where that is not possible, the run itself still stands."""
        self._update(state=state, error=error, ended=datetime.now(UTC))
        try:
            self.history.write(self.record)
        except OSError as trouble:
            logger.warning("The end of run %s could not be recorded: %s", self.record.id, trouble)

    def _update(self, **fields: Any) -> None:
        self.record = self.record.model_copy(update=fields)


@contextmanager
def recording(history: RunHistory, record: RunRecord) -> Iterator[Recorder]:
    """Record the run that the block is: its start, and how the block is left.

    An exception means "failed"; what is none (Ctrl-C, a signal's) means "stopped".
    """
    recorder = Recorder(history, record)
    history.write(record)
    try:
        yield recorder
    except Exception as error:
        recorder.end("failed", _told(error))
        raise
    except BaseException:
        recorder.end("stopped")
        raise
    recorder.end("done")


def stop_recordings(history: RunHistory) -> list[RunRecord]:
    """Record that the runs of this process are stopped, where it ends without any exception."""
    here = this_process()
    ours = [
        Recorder(history, record)
        for record in history.read()
        if record.status == "running"
        and (record.process.host, record.process.pid) == (here.host, here.pid)
    ]
    for recorder in ours:
        recorder.end("stopped")
    return [recorder.record for recorder in ours]


def bury(history: RunHistory) -> list[RunRecord]:
    """Record which runs were killed since somebody looked last, and return them.

    When they ended, nobody knows.
    """
    dead = [
        record.model_copy(update={"state": "killed"})
        for record in history.read()
        if record.state == "running" and record.status == "killed"
    ]
    for record in dead:
        history.write(record)
    return dead


def _told(error: Exception) -> str:
    text = error.problem if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
    line = " ".join(text.split())
    return line if len(line) <= _ERROR_LENGTH else f"{line[:_ERROR_LENGTH]} ..."
