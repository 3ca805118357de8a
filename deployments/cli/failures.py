"""How a command fails."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager

import typer

RESUMES = ("run", "Finished stages are kept: the same command goes on after them.")
"""For `explained`: what becomes of a run that fails."""


@contextmanager
def explained(what: str = "command", kept: str = "") -> Iterator[None]:
    """Turn errors into one message and an exit code: 2 for the user's input, 1 for the rest.

    SIGTERM ends a command as Ctrl-C does.

    Args:
        what: What fails where it does.
        kept: What then is not lost.
    """
    from pcam_core.errors import InputError
    from pcam_core.storage_fault import storage_fault

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except InputError as error:
        typer.secho(f"Error: {error.problem}", err=True, fg="red")
        typer.secho(error.remedy, err=True)
        raise typer.Exit(2) from error
    except typer.Exit:
        raise
    except KeyboardInterrupt as interrupt:
        typer.echo("\nStopped. Give the same command again to go on where it stopped.", err=True)
        raise typer.Exit(1) from interrupt
    except Exception as error:  # the last frame of the program
        problem, remedy = storage_fault(error) or (f"{type(error).__name__}: {error}", "")
        typer.secho(f"The {what} failed: {problem}", err=True, fg="red")
        typer.echo(f"{remedy} {kept}".strip(), err=True)
        raise typer.Exit(1) from error
