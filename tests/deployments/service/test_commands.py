import json
import socket

import pytest
from filelock import FileLock
from prefect.exceptions import ObjectNotFound
from typer.testing import CliRunner

from deployments.cli import app
from deployments.service.environment import AUTH
from deployments.service.home import Addresses, Home


@pytest.fixture
def pcam(tmp_path, monkeypatch):
    monkeypatch.setattr("os.environ", {"PATH": "", "HOME": str(tmp_path)})
    return lambda *arguments: CliRunner().invoke(
        app, [*arguments, "--home", str(tmp_path / "home")]
    )


def test_status_without_a_service_says_so(pcam):
    done = pcam("status", "--json")
    assert done.exit_code == 1
    found = json.loads(done.output)
    assert found["up"] is False
    assert [part["state"] for part in found["parts"]] == ["down", "down"]


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return Home(tmp_path / "home")


def test_status_of_a_service_that_does_not_answer(pcam, home):
    with socket.socket() as closed, FileLock(home.lock):
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        home.tell(Addresses(prefect=nobody, mlflow=nobody, workers=["a"]))
        done = pcam("status")
    assert done.exit_code == 1
    assert "down" in done.output
    assert nobody in done.output


def test_a_service_that_was_killed_is_not_another_that_listens_there_now(pcam, home, well):
    told = Addresses(prefect=well, mlflow=well, workers=["a"])
    home.tell(told)
    done = pcam("status")
    assert done.exit_code == 1
    assert "pcam up" in done.output
    assert home.told() is None
    with FileLock(home.lock):
        assert home.told() == told


def test_status_of_a_service_elsewhere(pcam, home, well, monkeypatch):
    """What lies in this home is of no account there, and nobody says where its registry is."""
    here = Addresses(prefect="http://127.0.0.1:9", mlflow="http://127.0.0.1:9", workers=["a"])
    monkeypatch.setenv("PREFECT_API_URL", f"{well}/api/")
    monkeypatch.setattr("prefect.client.orchestration.get_client", lambda **_: EmptyServer())
    with FileLock(home.lock):
        home.tell(here)
        done = pcam("status", "--json")
    assert done.exit_code == 1, done.output
    parts = {part["name"]: part for part in json.loads(done.stdout)["parts"]}
    assert parts["Prefect"]["state"] == "up"
    assert parts["MLflow"] == {"name": "MLflow", "state": "unknown", "address": ""}
    assert parts["worker (none)"]["state"] == "down"


class EmptyServer:
    """A server's client, where nobody has deployed anything."""

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return False

    def read_workers_for_work_pool(self, *_, **__):
        raise ObjectNotFound(Exception("no such pool"))

    def read_deployments(self, **_):
        return []

    def read_flow_runs(self, **_):
        return []


def test_trigger_without_a_service_says_what_to_do(pcam):
    done = pcam("trigger", "train", "--data", "x")
    assert done.exit_code == 2
    assert "pcam up" in done.output


def test_up_refuses_to_serve_others_without_a_password(pcam, tmp_path):
    done = pcam("up", "--host", "0.0.0.0")
    assert done.exit_code == 2
    assert AUTH in done.output
    assert not (tmp_path / "home").exists()


def test_up_names_a_port_that_is_taken(pcam):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = pcam("up", "--port", port)
    assert done.exit_code == 2
    assert port in done.output
    assert "--port" in done.output


def test_a_command_that_fails_promises_no_stages(pcam, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("out of order")

    monkeypatch.setattr("deployments.service.status.show_status", fail)
    done = pcam("status")
    assert done.exit_code == 1
    assert "The command failed: RuntimeError: out of order" in done.output
    assert "stages" not in done.output


@pytest.mark.parametrize(("options", "sent"), [([], None), (["--without-earlier"], False)])
def test_a_retraining_may_leave_earlier_data_out(pcam, monkeypatch, options, sent):
    asked = []

    def note(root, name, request, key, **_):
        asked.append(request["with_earlier"])
        return True

    monkeypatch.setattr("deployments.service.trigger.run_deployment", note)
    assert pcam("trigger", "retrain", "--data", "x", *options).exit_code == 0
    assert asked == [sent]
