"""Progress of long work, told to whoever listens."""

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TypeVar

from pcam_core.units import duration

T = TypeVar("T")


@dataclass(frozen=True)
class Progress:
    """How far a piece of work has come.

    Attributes:
        what: The work, for people ("prepare patches").
        done: Finished units.
        total: All units.
        rate: Units a second so far; 0 before the first.
        note: What is worth saying about the last unit ("val_loss .31").
    """

    what: str
    done: int
    total: int
    rate: float
    note: str = ""

    @property
    def seconds_left(self) -> float | None:
        """Seconds that the rest will take at this rate; None while unknown."""
        return (self.total - self.done) / self.rate if self.rate else None


Listener = Callable[[Progress], None]
_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("progress_listeners", default=())


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Send the progress of all work done inside the block to `listener` too."""
    token = _listeners.set((*_listeners.get(), listener))
    try:
        yield
    finally:
        _listeners.reset(token)


class Meter:
    """Counts finished units and tells the listeners at most every `interval` seconds.

    The first and the last unit are always told.
    """

    def __init__(self, what: str, total: int, interval: float = 2.0) -> None:
        self.what = what
        self.total = total
        self.interval = interval
        self.done = 0
        self._start = time.monotonic()
        self._told = float("-inf")

    def advance(self, units: int = 1, note: str = "") -> None:
        """Count `units` more as finished."""
        self.done += units
        now = time.monotonic()
        if self.done >= self.total or now - self._told >= self.interval:
            self._told = now
            rate = self.done / max(now - self._start, 1e-9)
            for listener in _listeners.get():
                listener(Progress(self.what, self.done, self.total, rate, note))


def track(items: Iterable[T], what: str, total: int) -> Iterator[T]:
    """Yield `items`, counting each as finished once the next is asked for."""
    meter = Meter(what, total)
    for item in items:
        yield item
        meter.advance()


def sentence(progress: Progress) -> str:
    """Return progress in words: "Prepare patches: 512 of 2,048, 310/s, 5 s left"."""
    parts = [f"{progress.done:,} of {progress.total:,}", f"{progress.rate:,.1f}/s"]
    if progress.seconds_left and progress.done < progress.total:
        parts.append(f"{duration(progress.seconds_left)} left")
    if progress.note:
        parts.append(progress.note)
    return f"{progress.what}: {', '.join(parts)}"
