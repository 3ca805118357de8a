"""Giving up on work that stands still inside native code, where nothing can interrupt it."""

import sys
import time
import traceback
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import copy_context
from dataclasses import dataclass, field
from statistics import median
from threading import Thread
from typing import TypeVar

from pcam_core.progress import listening
from pcam_core.units import duration

T = TypeVar("T")
LEAST_S = 600.0  # compiling a large network takes minutes, too
TIMES = 20
_LOOK_S = 1.0


class StalledError(RuntimeError):
    """Work made no progress for far longer than its steps take."""


class _AbandonedError(Exception):
    """Ends a thread on whose work its starter gave up."""


@dataclass
class _Beats:
    last: float = field(default_factory=time.monotonic)
    intervals: list[float] = field(default_factory=list)
    abandoned: bool = False

    def beat(self) -> None:
        if self.abandoned:
            raise _AbandonedError
        now = time.monotonic()
        self.intervals.append(now - self.last)
        self.last = now


def watched(what: str, work: Callable[[], T], *, least: float = LEAST_S, times: float = TIMES) -> T:
    """Return what `work` returns, or raise once it stands still.

    The work runs in a second thread; whatever progress it tells (`pcam_core.progress`) proves
    that it goes on. A thread given up on ends at its next sign of life.

    Args:
        what: The work, for people.
        work: Tells progress.
        least: Shortest silence, in seconds, that is taken for a stall.
        times: So many times the median silence is allowed, too.

    Raises:
        StalledError: There was no progress for too long.
    """
    beats = _Beats()
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            with listening(lambda _: beats.beat()):
                outcome.set_result(work())
        except BaseException as error:
            outcome.set_exception(error)

    context = copy_context()
    thread = Thread(target=context.run, args=(run,), name=what, daemon=True)
    thread.start()
    try:
        while not wait([outcome], timeout=_LOOK_S).done:
            silence = time.monotonic() - beats.last
            typical = median(beats.intervals) if beats.intervals else 0.0
            if silence > max(least, times * typical):
                raise StalledError(_explained(what, silence, typical, thread))
        return outcome.result()
    finally:
        beats.abandoned = True


def _explained(what: str, silence: float, typical: float, thread: Thread) -> str:
    frame = sys._current_frames().get(thread.ident or 0)
    place = traceback.extract_stack(frame)[-1] if frame else None
    return (
        f"{what}: nothing moved for {duration(silence)}, where {typical:.1f} s are usual"
        + (f" (in {place.name}, {place.filename}:{place.lineno})" if place else "")
        + ". The device or the disk with the patches hangs: look at them, and start the run"
        " again; it goes on from the last checkpoint."
    )
