"""A service on S3: asked by API, event, shell and schedule; killed, cut off, and rolled back."""

import hashlib
import io
import json
import os
import uuid
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from pcam_core.synth import write_dataset
from tasks.champion import champion
from tasks.hold_out_version import latest_hold_out
from tasks.mlflow_connection import mlflow_client
from tasks.registry import MODEL

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LATER = 5  # patches that come after the first scoring
OUTAGE_S = 6
NO_SIGN_OF_LIFE_S = 60  # the heartbeats of a run come every 30 s


@pytest.fixture(scope="module")
def service(serve, s3, generated):
    s3.upload([(generated, path) for path in generated.rglob("*") if path.is_file()], "data")
    store = {"PCAM_OBJECT_STORE": "s3://pcam/products"}
    # Prefect's own default is a minute.
    often = {"PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "3"}
    with (
        serve(**s3.environment, **store, **often) as running,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("MLFLOW_TRACKING_URI", running.mlflow)
        yield running


@pytest.fixture(scope="module")
def request_(miniature_recipe):
    """A retraining whose final training takes some seconds."""
    changes = {"final.training.epochs": 12, "final.training.max_steps": None}
    return {"data": ["s3://pcam/data"], "recipe": miniature_recipe, "changes": changes}


def ended(service, run):
    """Wait for a run's completion and return it."""

    def final():
        found = service.api.get(f"flow_runs/{run}").json()
        return found if found["state_type"] in {"COMPLETED", "FAILED"} else None

    found = service.until(final, 240)
    assert found["state_type"] == "COMPLETED", (found["state"], service.log_of(run))
    return found


def retrained(service, request):
    """Retrain to the end, and return the newest version of the model."""
    ended(service, service.submit("retrain", request).json()["id"])
    return newest(service)


def newest(service):
    found = mlflow_client(service.mlflow).search_model_versions(f"name = '{MODEL}'")
    return max(found, key=lambda version: int(version.version))


def manifests(out):
    return {path: path.stat().st_mtime_ns for path in out.glob("artifacts/*/manifest.json")}


def product(out, pattern):
    (path,) = out.glob(f"artifacts/{pattern}")
    return path.read_bytes()


def test_a_repeated_key_is_one_run_and_an_outage_costs_nothing(service, s3, request_):
    s3.fail_from("PUT", "products", OUTAGE_S)
    run = service.submit("retrain", request_, key="2026-11-24").json()
    again = service.submit("retrain", request_, key="2026-11-24").json()
    assert again["id"] == run["id"]
    ended(service, run["id"])
    assert s3.faults.keys() == {"503", "dropped", "cut"}
    assert [each["id"] for each in service.runs_of("retrain")] == [run["id"]]
    out = service.home / "pcam-runs"
    (receipts,) = (
        json.loads(path.read_text())["figures"]["receipts"]
        for path in out.glob("artifacts/upload-*/manifest.json")
    )
    stored = s3.objects("products")
    assert {receipt["address"] for receipt in receipts} == {
        f"s3://pcam/products/{name}" for name in stored
    }
    for receipt in receipts:
        content = stored[receipt["address"].removeprefix("s3://pcam/products/")]
        assert hashlib.sha256(content).hexdigest() == receipt["sha256"]
    assert product(out, "final-*/model.keras") in stored.values()
    assert champion(service.mlflow).version == 1


def test_a_killed_worker_and_its_run(service, s3, request_):
    """They are missed, and the run that an event started ends as the undisturbed one did."""
    notice_soon(service)
    event = {
        "occurred": datetime.now(UTC).isoformat(),
        "event": "pcam.dataset.updated",
        "resource": {"prefect.resource.id": "pcam.dataset.new"},
        "payload": request_ | {"out": "killed"},
        "id": str(uuid.uuid4()),
    }
    assert service.api.post("events", json=[event]).status_code == 204
    killed, undisturbed = service.home / "killed", service.home / "pcam-runs"
    service.until(lambda: list(killed.glob("artifacts/.building/single-*/checkpoints/*/*")))
    before = manifests(killed)
    victims = [*service.family("worker"), *service.family("prefect.engine")]
    assert len(victims) == 2
    for process in victims:
        process.kill()
    (run,) = (each for each in service.runs_of("retrain") if "killed" in str(each["parameters"]))
    ended(service, run["id"])
    told = service.api.get("flow_run_states/", params={"flow_run_id": run["id"]}).json()
    names = [state["name"] for state in told]
    assert names.index("Crashed") < names.index("AwaitingRetry")
    assert names.count("Running") == 2
    log = "\n".join(service.log_of(run["id"]))
    assert "goes on at epoch" in log
    assert before.items() <= manifests(killed).items()
    for name in ("final-*/model.keras", "submission-*/submission.csv"):
        assert product(killed, name) == product(undisturbed, name)
    assert len(s3.objects("products")) == len(set(stored_by(undisturbed) + stored_by(killed)))
    assert stored_by(undisturbed) == stored_by(killed)
    assert newest(service).version == "1"


def notice_soon(service):
    """Let the automation wait for half as long as it does by default."""
    found = service.api.post("automations/filter", json={}).json()
    (zombies,) = (each for each in found if "no sign of life" in each["name"])
    zombies["trigger"]["within"] = NO_SIGN_OF_LIFE_S
    fields = ("name", "description", "enabled", "trigger", "actions")
    changed = {name: zombies[name] for name in fields}
    answer = service.api.put(f"automations/{zombies['id']}", json=changed)
    assert answer.status_code == 204, answer.text


def stored_by(out):
    (path,) = out.glob("artifacts/upload-*/manifest.json")
    return [told["address"] for told in json.loads(path.read_text())["figures"]["receipts"]]


def test_an_equal_run_computes_nothing(service, request_):
    out = service.home / "killed"
    before = manifests(out)
    run = service.submit("retrain", request_ | {"out": "killed"}).json()["id"]
    ended(service, run)
    assert manifests(out) == before
    chosen = {"flow_runs": {"id": {"any_": [run]}}}
    tasks = service.api.post("task_runs/filter", json=chosen).json()
    names = {task["name"] for task in tasks if task["state_name"] != "Cached"}
    assert names == {"open data"}
    assert newest(service).version == "1"


def test_a_loser_is_kept_with_the_reason(service, s3, tmp_path):
    first = latest_hold_out(service.home / "pcam-runs")
    grow(s3, tmp_path, "second", train=60, seed=9)
    changes = {"promotion.margin": 0.5}
    second = retrained(service, {"data": ["s3://pcam/second"], "changes": changes})
    assert second.version == "2"
    assert "margin of 0.5" in second.tags["reason"]
    assert champion(service.mlflow).version == 1
    # The champion was scored again, on the same patches, which nobody has learned from.
    client = mlflow_client(service.mlflow)
    tags = client.get_model_version(MODEL, "1").tags
    assert 0 <= json.loads(tags["hold_out_2"])["auc"] <= 1
    latest = latest_hold_out(service.home / "pcam-runs")
    assert first.ids() < latest.ids()
    assert not latest.ids() & first.trainable()


def grow(s3, folder, name, **size):
    write_dataset(folder / name, test=5, **size)
    files = [path for path in (folder / name).rglob("*") if path.is_file()]
    s3.upload([(folder / name, path) for path in files], name)


def test_a_winner_a_rollback_and_no_way_back(service, s3, tmp_path):
    grow(s3, tmp_path, "third", train=240, seed=11)
    better = {
        "tune.space.learning_rate": [1e-3, 3e-3],
        "final.training.epochs": 20,
        "final.training.stop_patience": 20,
        # So few patches say nothing of these.
        "promotion.sensitivity_loss": 1.0,
        "promotion.calibration_loss": 1.0,
        "promotion.min_groups": 2,
    }
    request = {"data": ["s3://pcam/third"], "changes": better}
    third = retrained(service, request)
    assert third.version == "3"
    assert third.tags["reason"].startswith("AUC +"), third.tags["reason"]
    assert champion(service.mlflow).version == 3
    status = json.loads(service.pcam("status", "--json").stdout)
    assert status["champion"].startswith("version 3")
    done = service.pcam("rollback", "--out", "pcam-service", "--json")
    assert json.loads(done.stdout) == {"before": 3, "champion": 1}, done.stderr
    assert champion(service.mlflow).version == 1
    # What people have taken out of service stays out, although it is better.
    again = retrained(service, request)
    assert again.version == "3"
    assert again.tags["reason"] == "it has been taken out of service"
    assert champion(service.mlflow).version == 1


def predicted(s3):
    """Return the rows of all batches, whose files are whole, and the batches' numbers."""
    stored = s3.objects("scores")
    told = [json.loads(stored[name]) for name in sorted(stored) if name.startswith("manifests/")]
    files = [batch["files"]["predictions.csv"] for batch in told]
    for file in files:
        assert hashlib.sha256(stored[file["key"]]).hexdigest() == file["sha256"]
    tables = [pd.read_csv(io.BytesIO(stored[file["key"]])) for file in files]
    return pd.concat(tables), [(batch["number"], batch["model"]["version"]) for batch in told]


def incoming(generated):
    return sorted((generated / "train").iterdir())


def test_scoring_from_the_shell_outlasts_an_outage(service, s3, generated):
    patches = incoming(generated)[:-LATER]
    s3.upload([(generated, path) for path in patches], "incoming")
    s3.faults.clear()
    s3.fail_from("GET", "incoming", OUTAGE_S)
    s3.fail_from("PUT", "scores/manifests", OUTAGE_S)
    places = ("--data", "s3://pcam/incoming", "--to", "s3://pcam/scores")
    done = service.pcam("trigger", "score", *places, "--json")
    assert done.returncode == 0, done.stderr
    assert s3.faults.keys() == {"503", "dropped", "cut"}
    table, batches = predicted(s3)
    assert sorted(table["id"]) == [f"train/{path.stem}" for path in patches]
    assert batches == [(1, 1)]


def test_a_schedule_fires_and_scores_what_is_new(service, s3, generated):
    patches = incoming(generated)
    s3.upload([(generated, path) for path in patches[-LATER:]], "incoming")
    deployment = service.deployment("score")
    (nightly,) = deployment["schedules"]
    assert not nightly["active"]
    soon = (datetime.now(UTC) + timedelta(seconds=5)).isoformat()
    changed = {
        "active": True,
        "schedule": {"interval": 86_400, "anchor_date": soon},
        "parameters": {"request": {"data": ["s3://pcam/incoming"], "to": "s3://pcam/scores"}},
    }
    place = f"deployments/{deployment['id']}/schedules/{nightly['id']}"
    assert service.api.patch(place, json=changed).status_code == 204

    def fired():
        found = [run for run in service.runs_of("score") if run["auto_scheduled"]]
        return next((run for run in found if run["state_type"] != "SCHEDULED"), None)

    ended(service, service.until(fired, 60)["id"])
    table, batches = predicted(s3)
    assert sorted(table["id"]) == [f"train/{path.stem}" for path in patches]
    assert batches == [(1, 1), (2, 1)]


def test_nothing_tells_a_secret(service, s3):
    """Neither Prefect, nor MLflow, nor the shell, nor any file, here or in the bucket."""
    kinds = ("logs", "flow_runs", "task_runs", "artifacts", "deployments", "work_pools")
    kinds += ("automations", "block_documents", "variables")
    told = {kind: service.all_of(kind) for kind in kinds}
    assert all(told[kind] for kind in ("logs", "flow_runs", "task_runs", "artifacts"))
    texts = {kind: json.dumps(found).encode() for kind, found in told.items()}
    texts["pcam status"] = service.pcam("status", "--json").stdout.encode()
    files = [path for path in service.home.parent.rglob("*") if path.is_file()]
    in_files = "PCAM_TEST_POSTGRES" not in os.environ
    assert (service.home / "mlflow" / "mlflow.db" in files) == in_files
    texts |= {str(path): path.read_bytes() for path in files}
    for prefix in ("products", "scores"):
        texts |= s3.objects(prefix)
    password = service.authorisation.split(":")[1]
    for secret in (password, s3.environment["AWS_SECRET_ACCESS_KEY"]):
        tellers = [name for name, text in texts.items() if secret.encode() in text]
        assert not tellers, secret
