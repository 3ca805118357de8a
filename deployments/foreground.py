"""Work in this process, with a terminal to look at and Ctrl-C to stop it."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from rich.console import Console

from deployments.embedded_prefect import stop_server
from deployments.interruption import interruptible
from deployments.terminal import log_on_terminal, native_messages_in, progress_on_terminal

T = TypeVar("T")


def in_foreground(
    work: Callable[[], T], farewell: Callable[[], None], native_log: Path, console: Console
) -> T:
    """Return what `work` returns, with its progress and its log on the terminal.

    Args:
        work: Leaves nothing half-written that a later run would believe.
        farewell: Called on Ctrl-C or SIGTERM, before the embedded server and the process end.
        native_log: File for what native libraries print.
        console: Where people look.
    """

    def say_farewell() -> None:
        console.print("\nStopped. Give the same command again to go on where it stopped.")
        farewell()
        stop_server()

    with native_messages_in(native_log), log_on_terminal(console), progress_on_terminal(console):
        return interruptible(work, say_farewell)
