"""Checkpoints of one training: the last two, of which one is always whole."""

import logging
import time
from dataclasses import dataclass, field
from pathlib import Path

from pcam_core.training.state_file import DamagedStateError, State, read_state, write_state

logger = logging.getLogger(__name__)
_SLOTS = ("a", "b")
# Of the time, at most this share goes into writing.
_SHARE = 0.05


@dataclass
class Checkpoints:
    """Writes states into two files in turn and finds the newest that is sound.

    Attributes:
        folder: Of these two files; made when the first is written.
        seconds: Between two writes.
    """

    folder: Path
    seconds: float
    _number: int = field(default=0, init=False)
    _due: float = field(default_factory=time.monotonic, init=False)

    def __post_init__(self) -> None:
        self._due += self.seconds

    @property
    def due(self) -> bool:
        """Whether it is time for the next one."""
        return time.monotonic() >= self._due

    def save(self, state: State) -> None:
        """Write a state over the older file.

        Raises:
            OSError: The disk is full or fails; the earlier checkpoints are as they were.
        """
        start = time.monotonic()
        self._number += 1
        slot = self.folder / _SLOTS[self._number % 2]
        write_state(slot, State(state.arrays, state.plain | {"number": self._number}))
        end = time.monotonic()
        self._due = end + max(self.seconds, (end - start) / _SHARE if self.seconds else 0)

    def latest(self) -> State | None:
        """Return the newest sound state, None if there is none, and go on counting from it."""
        sound = []
        for slot in _SLOTS:
            path = self.folder / slot
            try:
                sound.append(read_state(path))
            except FileNotFoundError:
                continue
            except DamagedStateError:
                logger.warning(
                    "The checkpoint %s is damaged; the one before it is used, if there is one.",
                    path,
                )
        if not sound:
            return None
        newest = max(sound, key=lambda state: int(state.plain["number"]))
        self._number = int(newest.plain["number"])
        return newest

    def drop_older(self) -> None:
        """Delete the older of the two, if the newer one is sound."""
        if self.latest():
            (self.folder / _SLOTS[(self._number + 1) % 2]).unlink(missing_ok=True)
