import shutil

import pandas as pd
import pytest

from flows.train import finished, train
from pcam_core.errors import InputError
from pcam_core.runs.history import RunHistory


def test_every_stage_runs_and_leaves_its_products(first, products, generated):
    states = first.states
    assert len(states) == 19
    assert set(states.values()) == {"Completed"}
    submission = pd.read_csv(products.submission.path / "submission.csv", dtype={"id": str})
    sample = pd.read_csv(generated / "sample_submission.csv", dtype={"id": str})
    assert list(submission["id"]) == list(sample["id"])
    assert submission["label"].between(0, 1).all()
    receipts = products.receipts.figures["receipts"]
    assert {receipt["sent"] for receipt in receipts} == {True}
    low, high = products.evaluation.figures["at_threshold"]["intervals"]["auc"]
    assert 0 <= low <= high <= 1


def test_a_run_is_on_record(first, products, request_):
    record = RunHistory(request_.out).read()[-1]
    assert (record.status, record.error) == ("done", None)
    assert [record.data] == request_.data
    assert len(record.artifacts) == len(record.code) == 18
    assert all(artifact.fault() is None for artifact in record.artifacts)
    assert products.report in record.artifacts
    assert record.figures.auc == products.evaluation.figures["at_threshold"]["scores"]["auc"]
    assert record.flow_run == first.flow_run


def test_nothing_beyond_loopback_is_spoken_to(first):
    hosts = {address[0] for address in first.connections if isinstance(address, tuple)}
    assert hosts <= {"127.0.0.1", "::1", "localhost"}


def test_second_run_computes_nothing(products, request_, task_states):
    before = {name: getattr(products, name).manifest for name in type(products).model_fields}
    state = train(request_, return_state=True)
    states = task_states()
    assert states.pop("open data") == "Completed"
    assert set(states.values()) == {"Cached"}
    again = state.result()
    assert before == {name: getattr(again, name).manifest for name in type(again).model_fields}


def test_finished_run_is_recognised_without_a_flow(products, request_):
    assert finished(request_) == products


def test_lost_artifact_is_computed_again_and_nothing_else(products, request_, task_states):
    shutil.rmtree(products.evaluation.path)
    assert finished(request_) is None
    train(request_)
    states = task_states()
    computed = {name for name, state in states.items() if state == "Completed"}
    assert computed == {"open data", "measure on the held-out test"}


def test_other_settings_take_over_what_they_share(products, request_, task_states):
    changed = request_.model_copy(update={"changes": {"predict.submit": "label"}})
    state = train(changed, return_state=True)
    states = task_states()
    computed = {name for name, state in states.items() if state == "Completed"}
    assert computed == {
        "open data", "write the submission", "upload products", "write the report",
    }  # fmt: skip
    labels = pd.read_csv(state.result().submission.path / "submission.csv")["label"]
    assert set(labels) <= {0, 1}


def test_bad_input_is_not_retried(prefect_server, request_, tmp_path):
    bad = request_.model_copy(update={"data": [str(tmp_path)]})
    with pytest.raises(InputError, match=r"has no train_labels\.csv"):
        train(bad)
    record = RunHistory(bad.out).read()[0]
    assert (record.status, record.artifacts, record.figures) == ("failed", (), None)
    assert "has no train_labels.csv" in record.error
