"""Where MLflow is, and speaking to it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pcam_core.credentials import without_credentials
from pcam_core.errors import InputError

if TYPE_CHECKING:
    from mlflow import MlflowClient

_SETTINGS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "WARNING",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # A server that is down is given up after seconds, not minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
}
REMEDY = (
    "See whether MLFLOW_TRACKING_URI is right and its server runs (without it, whether the folder"
    " can be written)"
)
"""What to do where MLflow fails."""


def mlflow_folder(out: Path) -> Path:
    """Return where MLflow's own database and files lie."""
    return out.absolute() / "mlflow"


def tracking_uri(out: Path) -> str:
    """Return the address of MLflow: `MLFLOW_TRACKING_URI`, or a SQLite file below `out`."""
    given = os.environ.get("MLFLOW_TRACKING_URI")
    return given or f"sqlite:///{(mlflow_folder(out) / 'mlflow.db').as_posix()}"


def mlflow_client(uri: str) -> "MlflowClient":
    """Connect to MLflow; a fresh database is made, by one process at a time."""
    from filelock import FileLock

    for name, value in _SETTINGS.items():
        os.environ.setdefault(name, value)
    from mlflow import MlflowClient  # takes a second

    database = _sqlite_file(uri)
    if database is None:
        return MlflowClient(uri, uri)
    database.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(database.with_suffix(".lock")):
        return MlflowClient(uri, uri)


@contextmanager
def telling(uri: str, what: str) -> Iterator[None]:
    """Turn a failure of MLflow into one that says what could not be done.

    Raises:
        InputError: MLflow refuses or cannot be reached.
    """
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"MLflow at {without_credentials(uri)} {what} ({one_line(error)}).",
            f"{REMEDY}; then give the same command again: nothing is computed twice.",
        ) from (error if without_credentials(uri) == uri else None)


def is_absent(uri: str) -> bool:
    """Return whether the address is a SQLite file that does not exist yet."""
    database = _sqlite_file(uri)
    return database is not None and not database.exists()


def _sqlite_file(uri: str) -> Path | None:
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None


def one_line(error: Exception) -> str:
    """Return the kind and the words of an error, without credentials, in at most 200 characters."""
    text = without_credentials(" ".join(str(error).split()))
    return f"{type(error).__name__}: {text[:200]}"
