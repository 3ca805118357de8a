"""Ctrl-C and SIGTERM that always get through."""

import os
import signal
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextvars import copy_context
from threading import Thread, Timer
from typing import NoReturn, TypeVar

T = TypeVar("T")
_PATIENCE = 10.0
_LOOK_S = 0.5


def interruptible(work: Callable[[], T], farewell: Callable[[], None]) -> T:
    """Return what `work` returns; on Ctrl-C or SIGTERM call `farewell` and end the process.

    The work runs in a second thread, so that the first is free for signals: an exception that
    a signal raises amid native code may be swallowed there. The process then ends as if it
    were killed, which costs no more than the running stage.

    Args:
        work: Leaves nothing half-written that a later run would believe.
        farewell: Tells the user and whoever else has to know; has ten seconds.
    """
    outcome: Future[T] = Future()
    context = copy_context()

    def run() -> None:
        try:
            outcome.set_result(context.run(work))
        except BaseException as error:
            outcome.set_exception(error)

    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    Thread(target=run, daemon=True).start()
    try:
        # The system may hand a signal to another thread, which does not wake this one.
        while not wait([outcome], timeout=_LOOK_S).done:
            pass
        return outcome.result()
    except KeyboardInterrupt:
        _end(farewell)
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(farewell: Callable[[], None]) -> NoReturn:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    Timer(_PATIENCE, os._exit, [1]).start()
    try:
        farewell()
    finally:
        os._exit(1)
