"""What a person sees on the terminal."""

import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.logging import RichHandler

from pcam_core.progress import Progress, listening, sentence

_LINE_EVERY = 10.0


@contextmanager
def progress_on_terminal(console: Console) -> Iterator[None]:
    """Show progress: one line that renews itself, or without a terminal one every ten seconds."""
    status = console.status("starting")
    printed = 0.0

    def show(progress: Progress) -> None:
        nonlocal printed
        status.update(sentence(progress))
        if not console.is_terminal and time.monotonic() - printed >= _LINE_EVERY:
            printed = time.monotonic()
            console.print(sentence(progress), highlight=False)

    with status, listening(show):
        yield


@contextmanager
def log_on_terminal(console: Console) -> Iterator[None]:
    """Show the product's own log; Prefect's stays in its UI."""
    handler = RichHandler(console=console, show_path=False, show_level=False, log_time_format="%X")
    handler.addFilter(lambda record: record.name != "tasks.progress")
    loggers = [logging.getLogger(name) for name in ("pcam_core", "flows", "tasks")]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
    _hush_prefect()
    try:
        yield
    finally:
        for logger in loggers:
            logger.removeHandler(handler)


@contextmanager
def native_messages_in(file: Path) -> Iterator[None]:
    """Append to a file what native libraries and child processes write to the error stream.

    TensorFlow greets with a dozen lines there before it reads its own settings. Python's own
    messages still reach the terminal.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    stream, terminal = sys.stderr, os.dup(2)
    log = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(log, 2)
    os.close(log)
    if stream is sys.__stderr__:  # else somebody captures it already
        sys.stderr = open(terminal, "w", buffering=1, closefd=False)  # noqa: SIM115
    try:
        yield
    finally:
        sys.stderr = stream
        os.dup2(terminal, 2)
        os.close(terminal)


def _hush_prefect() -> None:
    # Prefect prints every state change and a traceback for every failure; both stand in its
    # UI, and the command line tells the user what matters.
    from prefect.logging.handlers import PrefectConsoleHandler

    names = [None, *logging.root.manager.loggerDict]
    for logger in map(logging.getLogger, names):
        for handler in logger.handlers:
            if isinstance(handler, PrefectConsoleHandler):
                handler.addFilter(lambda record: record.levelno >= logging.CRITICAL)
