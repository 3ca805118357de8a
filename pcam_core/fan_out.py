"""Other processes that share a stage's work, where somebody has said which."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

Job = Callable[[], Any]
"""Independent of every other job, harmless if done twice; it can be pickled, as its result can."""


@dataclass(frozen=True)
class Workers:
    """Processes that take jobs.

    Attributes:
        count: How many there are, at least 1.
        run: Called as `run(jobs, done)`; calls `done(result)` in this thread whenever a job is
            finished, in any order, and raises what a job raised.
    """

    count: int
    run: Callable[[Sequence[Job], Callable[[Any], None]], None]


Employ = Callable[[bool], AbstractContextManager[Workers | None]]
"""Called with whether the jobs want a GPU; gives None where they are better done right here."""

_employ: ContextVar[Employ | None] = ContextVar("employ", default=None)


@contextmanager
def employing(employ: Employ) -> Iterator[None]:
    """Let the work inside the block ask `employ` for workers."""
    token = _employ.set(employ)
    try:
        yield
    finally:
        _employ.reset(token)


def workers(*, gpu: bool) -> AbstractContextManager[Workers | None]:
    """Give workers for the time of the block; None where all work is done right here.

    Args:
        gpu: Whether the jobs want a GPU.
    """
    employ = _employ.get()
    return employ(gpu) if employ else nullcontext()
