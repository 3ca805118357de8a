"""The experiment in MLflow that holds all runs."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from pcam_core.runs.history import RunHistory
from tasks.mlflow_connection import mlflow_folder

if TYPE_CHECKING:
    from mlflow import MlflowClient

_EXPERIMENT = "pcam"
# MLflow's page of an experiment shows traces of language models where it is told of no other kind.
_KIND = {"mlflow.experimentKind": "custom_model_development"}


def experiment_of(client: "MlflowClient", uri: str, out: Path) -> str:
    """Return the id of the experiment that holds all runs; it is made where there is none."""
    found = client.get_experiment_by_name(_EXPERIMENT)
    if found is None:
        from mlflow.exceptions import MlflowException

        # A server knows where its files go; without one they would go to the current folder.
        files = mlflow_folder(out) / "files"
        location = None if uri.startswith("http") else files.as_uri()
        with suppress(MlflowException):  # another process was faster
            return str(client.create_experiment(_EXPERIMENT, location, _KIND))
        found = client.get_experiment_by_name(_EXPERIMENT)
        assert found is not None
    return str(found.experiment_id)


def end_killed(client: "MlflowClient", experiment: str, history: RunHistory) -> None:
    """Tell the end of runs that could not do so themselves."""
    dead = {record.id for record in history.read() if record.status not in {"running", "done"}}
    for run in client.search_runs([experiment], "attributes.status = 'RUNNING'"):
        if run.data.tags.get("run") in dead:
            client.set_terminated(run.info.run_id, "KILLED")
