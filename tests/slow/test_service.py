"""The real service: server, worker, MLflow, deployments, and how it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import httpx
import psutil
import pytest

from deployments.service.environment import AUTH, MARK

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PCAM = Path(sys.executable).with_name("pcam")
PASSWORD = "somebody:planted-password-4711"
SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "planted-key-4712",
    "PCAM_WEBHOOK": "/planted-webhook-4713",
}
DATA = "synth:train=60,test=10,seed=1"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def family(home):
    """Processes that work for a service."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(MARK) == str(home):
                found.append(process)
        except psutil.Error:
            continue
    return found


@pytest.fixture(scope="module")
def messages():
    """A webhook: what it is sent, and its address."""
    received = []

    class Webhook(BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["Content-Length"])
            received.append(json.loads(self.rfile.read(length))["text"])
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = HTTPServer(("127.0.0.1", 0), Webhook)
    Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}{SECRETS['PCAM_WEBHOOK']}"
    yield SimpleNamespace(received=received, address=address)
    server.shutdown()


@pytest.fixture(scope="module")
def service(tmp_path_factory, messages):
    """A service that runs, with a password; `pcam` calls commands on it."""
    home = tmp_path_factory.mktemp("service") / "home"
    port, mlflow_port = free_port(), free_port()
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PREFECT_", "MLFLOW_", "PCAM_", "CUDA_"))
    }
    secrets = {**SECRETS, AUTH: PASSWORD, "PCAM_WEBHOOK": messages.address}
    environment |= secrets
    log = home.parent / "up.log"
    with log.open("w") as output:
        running = subprocess.Popen(
            [PCAM, "up", "--home", home, "--port", str(port), "--mlflow-port", str(mlflow_port)],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def pcam(*arguments, **variables):
        return subprocess.run(
            [PCAM, *arguments, "--home", home],
            env=environment | variables,
            capture_output=True,
            text=True,
            timeout=240,
        )

    try:
        end = time.monotonic() + 240
        while "Ctrl-C" not in log.read_text():
            assert running.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.5)
        yield SimpleNamespace(
            home=home,
            running=running,
            log=log,
            pcam=pcam,
            told=[],
            api=httpx.Client(
                base_url=f"http://127.0.0.1:{port}/api/",
                auth=tuple(PASSWORD.split(":")),
                timeout=30,
            ),
            port=port,
        )
    finally:
        running.kill()
        running.wait()
        for process in family(home):
            process.kill()


def submit(service, deployment, request, key=None):
    found = service.api.get(f"deployments/name/{deployment}/{deployment}").json()
    body = {"parameters": {"request": request}, "idempotency_key": key}
    return service.api.post(f"deployments/{found['id']}/create_flow_run", json=body)


def runs_of(service, deployment):
    chosen = {"deployments": {"name": {"any_": [deployment]}}}
    return service.api.post("flow_runs/filter", json=chosen).json()


def until(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.5)


def test_everything_is_up(service):
    done = service.pcam("status", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert [part["name"].split()[0] for part in found["parts"]] == ["Prefect", "MLflow", "worker"]
    assert found["champion"] is None
    (weekly,) = (each for each in found["schedules"] if each["deployment"] == "retrain")
    assert weekly["active"] is False
    again = service.pcam("up")
    assert again.returncode == 0, again.stderr
    assert "runs already" in again.stdout


def test_nobody_gets_in_without_the_password(service):
    for auth in (None, ("somebody", "wrong")):
        answer = httpx.post(f"{service.api.base_url}flow_runs/filter", json={}, auth=auth)
        assert answer.status_code == 401
    refused = service.pcam("status", PREFECT_API_AUTH_STRING="somebody:wrong", **{AUTH: ""})
    assert refused.returncode == 1
    assert "refuses" in refused.stdout


def test_wrong_parameters_are_refused_by_name(service):
    for request, name in (
        ({"data": [DATA], "recipe": "contxt"}, "request.recipe"),
        ({"data": [DATA], "chnges": {}}, "chnges"),
        ({"data": [DATA], "changes": {"gate.max_white_share": 7}}, "gate.max_white_share"),
    ):
        answer = submit(service, "validate", request)
        assert answer.status_code == 409
        assert name in answer.text
    refused = service.pcam("trigger", "validate", "--data", DATA, "--set", "gate.max_wite_share=0")
    assert refused.returncode == 2
    assert "gate.max_wite_share" in refused.stderr
    assert not runs_of(service, "validate")


def test_a_run_is_followed_to_its_end_and_a_key_starts_one_run_only(service):
    arguments = ("trigger", "validate", "--data", DATA, "--idempotency-key", "first", "--json")
    done = service.pcam(*arguments)
    assert done.returncode == 0, done.stderr
    assert "validate data: Finished" in done.stderr
    service.told += [done.stdout, done.stderr]
    again = service.pcam(*arguments)
    assert again.returncode == 0
    assert json.loads(again.stdout)["id"] == json.loads(done.stdout)["id"]
    repeated = submit(service, "validate", {"data": [DATA]}, key="first")
    assert repeated.json()["id"] == json.loads(done.stdout)["id"]
    (run,) = runs_of(service, "validate")
    assert run["name"] == f"validate {DATA}"
    assert list((service.home / "pcam-runs" / "artifacts").glob("gate-*/manifest.json"))


def test_a_failed_run_is_told_to_the_shell_and_the_webhook(service, messages):
    done = service.pcam("trigger", "validate", "--data", "/nowhere")
    assert done.returncode == 1
    assert "/nowhere does not exist" in done.stderr
    assert "Traceback" not in done.stderr
    until(lambda: messages.received, 20)
    assert "validate /nowhere failed" in messages.received[0]


def test_an_event_retrains_on_the_data_that_it_names(service):
    event = {
        "occurred": datetime.now(UTC).isoformat(),
        "event": "pcam.dataset.updated",
        "resource": {"prefect.resource.id": "pcam.dataset.new"},
        "payload": {"data": [DATA], "recipe": "demo"},
        "id": str(uuid.uuid4()),
    }
    assert service.api.post("events", json=[event]).status_code == 204
    until(lambda: runs_of(service, "retrain"), 30)
    (run,) = runs_of(service, "retrain")
    assert run["parameters"] == {"request": {"data": [DATA], "recipe": "demo"}}


def test_sigterm_ends_all_of_it_and_nothing_tells_a_secret(service):
    until(lambda: any("prefect.engine" in process.cmdline() for process in family(service.home)))
    status = service.pcam("status")
    assert "retrain" in status.stdout
    parameters = json.dumps(runs_of(service, "validate") + runs_of(service, "retrain"))
    logs = service.api.post("logs/filter", json={}).text
    blocks = service.api.post("block_documents/filter", json={}).text
    service.running.send_signal(signal.SIGTERM)
    assert service.running.wait(45) == 0
    assert not family(service.home)
    down = service.pcam("status")
    assert down.returncode == 1
    files = [
        path.read_text()
        for path in [service.log, *service.home.glob("logs/*"), *service.home.glob("*.json")]
        if path.is_file()
    ]
    told = [status.stdout, parameters, logs, blocks, *files, *service.told]
    assert "Finished in state" in logs
    assert "pcam-webhook" in blocks
    for secret in (PASSWORD.split(":")[1], *SECRETS.values()):
        assert not any(secret.strip("/") in text for text in told), secret
