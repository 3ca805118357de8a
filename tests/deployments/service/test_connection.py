"""Which runs and which registry a command means."""

import os
from pathlib import Path

import pytest
from filelock import FileLock
from typer.testing import CliRunner

from deployments.cli import app
from deployments.service.connection import find_runs
from deployments.service.home import Addresses, Home
from tasks.mlflow_connection import mlflow_client


@pytest.fixture(autouse=True)
def nothing_set(tmp_path, monkeypatch):
    monkeypatch.setattr("os.environ", {"PATH": "", "HOME": str(tmp_path)})


@pytest.fixture
def home(tmp_path):
    """Of a service that is down."""
    home = Home(tmp_path / "home")
    home.mlflow.mkdir(parents=True)
    return home


def registry():
    return os.environ.get("MLFLOW_TRACKING_URI")


def test_without_a_service_they_lie_in_the_usual_folder(tmp_path):
    assert find_runs(Home(tmp_path / "home"), None) == Path("pcam-runs")
    assert registry() is None


def test_a_service_that_runs_is_asked(home, well):
    home.tell(Addresses(prefect="http://127.0.0.1:9", mlflow=well, workers=[]))
    with FileLock(home.lock):
        assert find_runs(home, None) == home.root / "pcam-runs"
    assert registry() == well


def test_one_that_is_down_or_was_killed_has_left_its_database(home, well):
    database = f"sqlite:///{home.mlflow}/mlflow.db"
    find_runs(home, None)
    assert registry() == database
    os.environ.clear()
    home.tell(Addresses(prefect="http://127.0.0.1:9", mlflow=well, workers=[]))
    find_runs(home, None)
    assert registry() == database


def test_what_is_named_wins(home, tmp_path):
    assert find_runs(home, tmp_path / "runs") == tmp_path / "runs"
    assert registry() is None
    os.environ["MLFLOW_TRACKING_URI"] = "https://mlflow.example"
    assert find_runs(home, None) == home.runs
    assert registry() == "https://mlflow.example"


def test_a_rollback_of_a_service_that_is_down(home):
    client = mlflow_client(f"sqlite:///{home.mlflow}/mlflow.db")
    client.create_registered_model("pcam", tags={"champions": "[1, 2]"})
    for _ in range(2):
        client.create_model_version("pcam", "/model.keras")
    client.set_registered_model_alias("pcam", "champion", "2")
    done = CliRunner().invoke(app, ["rollback", "--home", str(home.root)])
    assert "Version 1 is the champion again, in place of version 2." in done.output
    assert client.get_model_version_by_alias("pcam", "champion").version == 1
