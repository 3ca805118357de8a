"""MLflow's registry: versions of models and of the hold-out, by address, without copies."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from tasks.mlflow_connection import mlflow_client, mlflow_folder, telling, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

MODEL = "pcam"
"""Name of the registered model: every final model is a version of it."""

HOLD_OUT = "pcam-hold-out"
"""Name under which the versions of the hold-out are registered."""

CHAMPION = "champion"
"""Alias of the version that is in service."""

_ABOUT = {
    MODEL: f"Every final model, by address. The one with the alias `{CHAMPION}` is in service;"
    " `pcam rollback` returns to the one before.",
    HOLD_OUT: "The patches that models compete on. Each version holds all of the one before, and no"
    " model trained since has learned from any of them.",
}


@contextmanager
def registering(out: Path, what: str) -> Iterator["MlflowClient"]:
    """Give the connection; of the processes on this folder only one is inside at a time."""
    uri = tracking_uri(out)
    folder = mlflow_folder(out)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "registry.lock"), telling(uri, what):
        yield mlflow_client(uri)


def new_version(
    client: "MlflowClient",
    uri: str,
    name: str,
    source: str,
    run: str,
    tags: dict[str, str],
    description: str | None = None,
) -> "ModelVersion":
    """Add a version to a registered model, which is made where there is none."""
    from mlflow.exceptions import MlflowException

    with suppress(MlflowException):  # it exists
        client.create_registered_model(name, description=_ABOUT[name])
    if uri.startswith("http") and "://" not in source:
        # A server refuses paths of other machines; the tag "address" has it.
        source = f"runs:/{run}/{Path(source).name}"
    return client.create_model_version(
        name, source, run, tags=tags, description=description, await_creation_for=0
    )


def run_file(uri: str, run: str, name: str) -> bytes:
    """Return the content of a file of a run."""
    with tempfile.TemporaryDirectory() as folder:
        return Path(mlflow_client(uri).download_artifacts(run, name, folder)).read_bytes()
