"""A process of the service that is started again whenever it ends by itself."""

import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deployments.service.environment import PART
from pcam_core.errors import InputError

_START_S = 180.0  # a fresh database is migrated first
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_LASTED_S = 120.0  # what ran for so long is not failing on its start


@dataclass
class Process:
    """A child process with its own session, out of reach of the terminal's Ctrl-C.

    Attributes:
        name: What people call it.
        command: What is run.
        environment: All of its environment but the mark of its descendants, `PART`.
        log: File that its output is appended to.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    _child: subprocess.Popen[bytes] | None = None
    _started: float = 0.0
    _pause: float = field(default=_FIRST_PAUSE_S)
    _again: float | None = None

    def start(self) -> None:
        """Start it."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(  # noqa: S603 - our own command, no shell
                self.command,
                env={**self.environment, PART: self.name},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._started, self._again = time.monotonic(), None

    def wait_until(self, ready: Callable[[], bool]) -> None:
        """Wait until it answers.

        Raises:
            InputError: It ends instead, or takes too long.
        """
        end = time.monotonic() + _START_S
        while not ready():
            if self.code is not None:
                raise InputError(
                    f"The {self.name} ended at once (exit code {self.code}).", f"See {self.log}."
                )
            if time.monotonic() > end:
                raise InputError(
                    f"The {self.name} does not answer after {_START_S:.0f} s.", f"See {self.log}."
                )
            time.sleep(0.5)

    @property
    def pid(self) -> int | None:
        """Its number; None before it was started."""
        return self._child.pid if self._child else None

    @property
    def code(self) -> int | None:
        """Its exit code; None while it runs, or before it has."""
        return self._child.poll() if self._child else None

    def tend(self) -> int | None:
        """Start it again if it has ended, after a pause that grows while that keeps failing.

        Returns:
            The exit code where it has ended since the last call, else None.
        """
        if self.code is None:
            return None
        now = time.monotonic()
        if self._again is None:
            lasted = now - self._started > _LASTED_S
            self._pause = _FIRST_PAUSE_S if lasted else min(2 * self._pause, _LONGEST_PAUSE_S)
            self._again = now + self._pause
            return self.code
        if now >= self._again:
            self.start()
        return None

    def terminate(self) -> None:
        """Ask it to end, and do not wait."""
        if self._child and self.code is None:
            self._child.terminate()

    def wait(self, seconds: float) -> bool:
        """Wait for its end; return whether it came in time."""
        if self._child:
            try:
                self._child.wait(seconds)
            except subprocess.TimeoutExpired:
                return False
        return True
