import logging
import sys
import traceback

import pytest

from pcam_core.errors import InputError
from pcam_core.runs.history import RunHistory
from pcam_core.training.epochs import EpochEnd, tell
from tasks.mlflow_connection import is_absent, tracking_uri
from tasks.tracked_run import TrackedRun, tracked

_addresses = []


def _watch(event, arguments):
    if event == "socket.connect":
        _addresses.append(arguments[1])


sys.addaudithook(_watch)


def follow(made):
    """Track the run that `made` describes, as the training flow does, and return it."""
    with tracked(made.out, made.record, made.recipe) as run:
        tell(EpochEnd("Final training of custom_cnn", 1, {"loss": 0.6, "val_auc": 0.8}))
        run.finish()
    return run


def test_a_run_is_told_of(run_of, client):
    _addresses.clear()
    made = run_of()
    run = client.get_run(follow(made).id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == made.record.id
    tags = run.data.tags
    assert (tags["run"], tags["data"], tags["data_key"]) == (made.record.id, "/data", "d" * 64)
    assert tags["split_key"] == made.artifacts["split"].key
    assert tags["code"].startswith("0.")
    assert run.data.params["final.training.epochs"] == str(made.recipe.final.training.epochs)
    metrics = run.data.metrics
    assert metrics["evaluate/at_threshold.scores.auc"] == 0.9
    assert metrics["evaluate/at_threshold.intervals.auc.low"] == pytest.approx(0.85)
    assert metrics["threshold/threshold"] == 0.4
    paths = {item.path for item in client.list_artifacts(run.info.run_id)}
    assert paths == {"recipe.json", "report.html", "calibrator.json", "pictures"}
    pictures = {item.path for item in client.list_artifacts(run.info.run_id, "pictures")}
    assert pictures == {f"pictures/{name}.png" for name in ("comparison", "final", "confusion")}
    assert not _addresses


def test_every_training_has_its_curve_whether_heard_or_recorded(run_of, client):
    run = follow(run_of())
    curve = client.get_metric_history(run.id, "Final training of custom_cnn/val_auc")
    assert [(point.step, point.value) for point in curve] == [(1, 0.8), (2, 0.9)]
    for what in ("Compare", "Cross-validate"):
        for fold in (1, 2):
            name = f"{what} custom_cnn fold {fold} of 2/val_loss"
            assert [point.step for point in client.get_metric_history(run.id, name)] == [1, 2]


def test_more_metrics_than_one_request_takes(run_of, client):
    made = run_of()
    made.begin()
    made._log_epochs([EpochEnd("x", step, {"loss": 0.5}) for step in range(1500)])
    assert len(client.get_metric_history(made.id, "x/loss")) == 1500


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("no"), "FAILED"), (KeyboardInterrupt(), "KILLED")]
)
def test_how_a_run_ends(run_of, client, error, status):
    made = run_of()
    with pytest.raises(type(error)), tracked(made.out, made.record, made.recipe) as run:
        raise error
    assert client.get_run(run.id).info.status == status


def test_a_killed_run_is_ended_by_the_next(run_of, client):
    killed, running = run_of("killed"), run_of("running")
    killed.begin()
    running.begin()
    RunHistory(killed.out).write(killed.record.model_copy(update={"state": "killed"}))
    run_of("next").begin()
    assert client.get_run(killed.id).info.status == "KILLED"
    assert client.get_run(running.id).info.status == "RUNNING"


def test_a_failure_is_told_once_and_costs_no_training(run_of, monkeypatch, caplog):
    made = run_of()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with caplog.at_level(logging.WARNING), tracked(made.out, made.record, made.recipe) as run:
        for epoch in range(3):
            tell(EpochEnd("x", epoch, {"loss": 1.0}))
    (warning,) = (r for r in caplog.records if r.name == "tasks.tracked_run")
    assert "does not follow the run, which goes on" in warning.message
    assert "MLFLOW_TRACKING_URI" in warning.message
    with pytest.raises(InputError, match="its model has no version"):
        run.finish()


def test_what_could_not_be_told_at_first_is_told_in_the_end(run_of, client, monkeypatch):
    made = run_of()
    begin = TrackedRun._begin
    monkeypatch.setattr(TrackedRun, "_begin", lambda _: 1 / 0)
    with tracked(made.out, made.record, made.recipe) as run:
        monkeypatch.setattr(TrackedRun, "_begin", begin)
        run.finish()
    assert client.get_run(run.id).data.metrics["evaluate/at_half.scores.auc"] == 0.9


def test_the_address(tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    uri = tracking_uri(tmp_path)
    assert uri == f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    assert is_absent(uri)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")
    assert tracking_uri(tmp_path) == "http://mlflow:5000"
    assert not is_absent("http://mlflow:5000")


def test_no_password_is_told(run_of, monkeypatch, caplog):
    made = run_of()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://me:planted@127.0.0.1:9")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with tracked(made.out, made.record, made.recipe) as run:
        pass
    with pytest.raises(InputError) as caught:
        run.finish()
    told = "".join(traceback.format_exception(caught.value)) + caplog.text
    assert "127.0.0.1:9" in told
    assert "planted" not in told
