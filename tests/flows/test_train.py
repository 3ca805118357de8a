import shutil
from pathlib import Path
from uuid import UUID

import numpy as np
import pandas as pd
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

from flows.request import ScoreRequest
from flows.score import score
from flows.train import finished, train
from pcam_core.drift.settings import DriftSettings
from pcam_core.errors import InputError
from pcam_core.model_card.description import read_model_description
from pcam_core.runs.history import RunHistory
from pcam_core.scoring.score import Scored
from pcam_core.stages.evaluate import read_held_out
from tasks.mlflow_connection import mlflow_client, tracking_uri
from tasks.registry import MODEL


def test_every_stage_runs_and_leaves_its_products(first, products, generated):
    states = first.states
    assert len(states) == 25
    assert set(states.values()) == {"Completed"}
    submission = pd.read_csv(products.submission.path / "submission.csv", dtype={"id": str})
    sample = pd.read_csv(generated / "sample_submission.csv", dtype={"id": str})
    assert list(submission["id"]) == list(sample["id"])
    assert submission["label"].between(0, 1).all()
    receipts = products.receipts.figures["receipts"]
    assert {receipt["sent"] for receipt in receipts} == {True}
    low, high = products.evaluation.figures["at_threshold"]["intervals"]["auc"]
    assert 0 <= low <= high <= 1


def test_a_saved_model_is_two_files_that_say_all(products, generated, request_):
    from pcam_core.explanation.raw_patches import find_files, prepared, read_raw
    from pcam_core.training.serving import load_model
    from pcam_core.training.views import views_of

    addresses = [Path(receipt["address"]) for receipt in products.receipts.figures["receipts"]]
    file = next(address for address in addresses if address.name == "model.keras")
    described = read_model_description(file)
    assert described.recipe == request_.load().model_dump(mode="json")
    assert described.threshold == products.decision.figures["threshold"]
    assert (
        described.metrics.at_half["auc"].value
        == (products.evaluation.figures["at_half"]["scores"]["auc"])
    )
    tested = read_held_out(products.evaluation)
    raw = read_raw(find_files([generated / "train" / f"{i}.tif" for i in tested["id"]]))
    stored = prepared(raw, described.pixels.prepare())
    assert stored.shape[1:] == (described.pixels.stored_side,) * 2 + (3,)
    assert (described.form, described.views) == ("both", 4)
    model = load_model(file)
    seen = [
        np.asarray(model.predict_on_batch(view.astype(np.float32)))[:, 0]
        for view in views_of(stored, described.views)
    ]
    found = np.mean(seen, axis=0)
    np.testing.assert_allclose(found, tested["probability"], atol=1e-5)
    np.testing.assert_allclose(
        described.calibrator.apply(found), tested["calibrated_probability"], atol=1e-4
    )


def test_the_card_lies_with_the_model(products, generated):
    card = (products.described.path / "model_card.md").read_text()
    assert "**Not for clinical use.**" in card
    assert "| darkest |" in card
    assert str(generated) not in card
    uploaded = {Path(r["address"]).name for r in products.receipts.figures["receipts"]}
    assert {"calibrator.json", "model.keras", "model.json", "model_card.md", "model.npz"} < uploaded


def test_a_run_s_model_scores_as_the_run_did(products, generated, tmp_path):
    stored = next(r["address"] for r in products.receipts.figures["receipts"])
    drift = DriftSettings(warn=1e6, stop=1e6, stop_unlike=1)
    request = ScoreRequest(
        data=str(generated / "test"),
        model=str(Path(stored).parent),
        to=str(tmp_path / "scores"),
        out=tmp_path,
        drift=drift,
    )
    (batch,) = score(request).batches
    columns = ["probability", "calibrated_probability"]
    found, wanted = (
        pd.read_csv(path, dtype={"id": str}).set_index("id")[columns]
        for path in (batch.predictions, products.predictions.path / "predictions.csv")
    )
    pd.testing.assert_frame_equal(found.loc[wanted.index], wanted, atol=1e-6)
    assert score(request) == Scored()


def test_a_run_is_on_record(first, products, request_):
    record = RunHistory(request_.out).read()[-1]
    assert (record.status, record.error) == ("done", None)
    assert [record.data] == request_.data
    assert len(record.artifacts) == len(record.code) == 24
    assert all(artifact.fault() is None for artifact in record.artifacts)
    assert products.report in record.artifacts
    assert record.figures.auc == products.evaluation.figures["at_threshold"]["scores"]["auc"]
    assert record.flow_run == first.flow_run


def test_a_run_is_tagged_with_its_recipe_and_its_tasks_are_not(first):
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(UUID(first.flow_run))
        of_run = FlowRunFilter(id=FlowRunFilterId(any_=[run.id]))
        tasks = client.read_task_runs(flow_run_filter=of_run)
    assert run.tags == [
        run.parameters["request"]["recipe"].rpartition("/")[2].removesuffix(".toml")
    ]
    # A tag costs a task up to two seconds.
    assert [task.name for task in tasks if task.tags] == []
    assert tasks


def test_mlflow_follows_a_run(first, products, request_):
    record = RunHistory(request_.out).read()[-1]
    client = mlflow_client(tracking_uri(request_.out))
    (version,) = client.search_model_versions(f"name = '{MODEL}' and tag.run = '{record.id}'")
    run = client.get_run(version.run_id)
    assert run.info.status == "FINISHED"
    auc = products.evaluation.figures["at_threshold"]["scores"]["auc"]
    assert run.data.metrics["evaluate/at_threshold.scores.auc"] == auc
    trainings = {name.split("/")[0] for name in run.data.metrics if name.endswith("/val_auc")}
    # Trials are only heard; of the others what was heard and what is recorded are one curve.
    assert len({name for name in trainings if name.startswith("Compare")}) == 2
    assert len({name for name in trainings if name.startswith("Cross-validate")}) == 2
    assert len({name for name in trainings if name.startswith("Final")}) == 1
    for name in trainings:
        steps = [p.step for p in client.get_metric_history(run.info.run_id, f"{name}/val_auc")]
        assert steps == sorted(set(steps))


def test_a_run_whose_model_has_no_version_goes_on(products, request_):
    history = RunHistory(request_.out)
    records = history.read()
    for record in records:
        history.write(record.model_copy(update={"state": "failed"}))
    assert finished(request_) is None
    for record in records:
        history.write(record)
    assert finished(request_) == products


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
        "open data", "describe the model", "write the submission", "upload products",
        "write the report",
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
