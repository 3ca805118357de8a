import json
import socket

import pytest
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


def test_status_of_a_service_that_was_killed(pcam, tmp_path):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
        (tmp_path / "home").mkdir()
        Home(tmp_path / "home").tell(Addresses(prefect=nobody, mlflow=nobody, workers=["a"]))
        done = pcam("status")
    assert done.exit_code == 1
    assert "down" in done.output
    assert nobody in done.output


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
