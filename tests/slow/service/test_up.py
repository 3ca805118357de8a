"""The real service: server, worker, MLflow, deployments, and how it ends."""

import json
import signal
import uuid
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from types import SimpleNamespace

import httpx
import pytest

from deployments.service.environment import AUTH

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SECRETS = {
    "AWS_SECRET_ACCESS_KEY": "planted-key-4712",
    "PCAM_WEBHOOK": "/planted-webhook-4713",
}
DATA = "synth:train=60,test=10,seed=1"


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
def service(serve, messages):
    with serve(**SECRETS | {"PCAM_WEBHOOK": messages.address}) as running:
        yield running


@pytest.fixture(scope="module")
def told():
    """What commands print."""
    return []


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
        ({"data": [""]}, "request.data[0]"),
    ):
        answer = service.submit("validate", request)
        assert answer.status_code == 409
        assert name in answer.text
    answer = service.submit("validate", {"data": [DATA]}, parameters={"reqest": {}})
    assert answer.status_code == 409
    assert "reqest" in answer.text
    refused = service.pcam("trigger", "validate", "--data", DATA, "--set", "gate.max_wite_share=0")
    assert refused.returncode == 2
    assert "gate.max_wite_share" in refused.stderr
    assert not service.runs_of("validate")


def test_a_run_is_followed_to_its_end_and_a_key_starts_one_run_only(service, told):
    arguments = ("trigger", "validate", "--data", DATA, "--idempotency-key", "first", "--json")
    done = service.pcam(*arguments)
    assert done.returncode == 0, done.stderr
    assert "validate data: Finished" in done.stderr
    told += [done.stdout, done.stderr]
    again = service.pcam(*arguments)
    assert again.returncode == 0
    assert json.loads(again.stdout)["id"] == json.loads(done.stdout)["id"]
    repeated = service.submit("validate", {"data": [DATA]}, key="first")
    assert repeated.json()["id"] == json.loads(done.stdout)["id"]
    (run,) = service.runs_of("validate")
    assert run["name"] == f"validate {DATA}"
    assert list((service.home / "pcam-runs" / "artifacts").glob("gate-*/manifest.json"))


def test_a_failed_run_is_told_to_the_shell_and_the_webhook(service, messages):
    done = service.pcam("trigger", "validate", "--data", "/nowhere")
    assert done.returncode == 1
    assert "/nowhere does not exist" in done.stderr
    assert "Traceback" not in done.stderr
    service.until(lambda: messages.received, 20)
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
    service.until(lambda: service.runs_of("retrain"), 30)
    (run,) = service.runs_of("retrain")
    assert run["parameters"] == {"request": {"data": [DATA], "recipe": "demo"}}


def test_an_event_that_is_refused_is_told_to_the_webhook(service, messages):
    event = {
        "occurred": datetime.now(UTC).isoformat(),
        "event": "pcam.dataset.updated",
        "resource": {"prefect.resource.id": "pcam.dataset.new"},
        "payload": {"dta": [DATA]},
        "id": str(uuid.uuid4()),
    }
    assert service.api.post("events", json=[event]).status_code == 204
    service.until(lambda: any("no retraining" in text for text in messages.received), 30)
    assert len(service.runs_of("retrain")) == 1


def test_the_run_of_a_killed_worker_ends_too_and_is_taken_up_by_the_next(service):
    service.until(lambda: service.runs_of("retrain")[0]["state_type"] == "RUNNING")
    (run,) = service.family("prefect.engine")
    (worker,) = service.family("worker")
    worker.kill()
    service.until(lambda: not run.is_running(), 30)
    service.until(lambda: service.family("prefect.engine"), 240)


def test_sigterm_ends_all_of_it_and_nothing_tells_a_secret(service, told):
    service.until(lambda: service.family("prefect.engine"))
    status = service.pcam("status")
    assert "retrain" in status.stdout
    parameters = json.dumps(service.runs_of("validate") + service.runs_of("retrain"))
    logs = service.api.post("logs/filter", json={}).text
    blocks = service.api.post("block_documents/filter", json={}).text
    service.process.send_signal(signal.SIGTERM)
    assert service.process.wait(45) == 0
    assert not service.family()
    down = service.pcam("status")
    assert down.returncode == 1
    files = [
        path.read_text()
        for path in [service.log, *service.home.glob("logs/*"), *service.home.glob("*.json")]
        if path.is_file()
    ]
    texts = [status.stdout, parameters, logs, blocks, *files, *told]
    assert "Finished in state" in logs
    assert "pcam-webhook" in blocks
    password = service.authorisation.split(":")[1]
    for secret in (password, *SECRETS.values()):
        assert not any(secret.strip("/") in text for text in texts), secret
