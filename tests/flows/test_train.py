import shutil
import sys

import pandas as pd
import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.sorting import FlowRunSort, TaskRunSort

from flows.request import TrainRequest
from flows.train import finished, train
from pcam_core.errors import InputError

_connections: list[object] = []


def _watch(event, arguments):
    if event == "socket.connect":
        _connections.append(arguments[1])


sys.addaudithook(_watch)


def task_states():
    """State of every task run of the latest flow run, by name."""
    with get_client(sync_client=True) as client:
        latest = client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=1)[0]
        runs = client.read_task_runs(
            flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[latest.id])),
            sort=TaskRunSort.EXPECTED_START_TIME_ASC,
            limit=100,
        )
    return {run.name: run.state.name for run in runs}


@pytest.fixture(scope="module")
def request_(generated, miniature_recipe, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    return TrainRequest(data=generated, recipe=miniature_recipe, out=out)


@pytest.fixture(scope="module")
def first(prefect_server, request_):
    _connections.clear()
    state = train(request_, return_state=True)
    return state, list(_connections), task_states()


@pytest.fixture
def products(first):
    return first[0].result()


def test_every_stage_runs_and_leaves_its_products(first, products, generated):
    states = first[2]
    assert len(states) == 15
    assert set(states.values()) == {"Completed"}
    submission = pd.read_csv(products.submission.path / "submission.csv", dtype={"id": str})
    sample = pd.read_csv(generated / "sample_submission.csv", dtype={"id": str})
    assert list(submission["id"]) == list(sample["id"])
    assert submission["label"].between(0, 1).all()
    receipts = products.receipts.figures["receipts"]
    assert {receipt["sent"] for receipt in receipts} == {True}
    low, high = products.evaluation.figures["at_threshold"]["intervals"]["auc"]
    assert 0 <= low <= high <= 1


def test_nothing_beyond_loopback_is_spoken_to(first):
    hosts = {address[0] for address in first[1] if isinstance(address, tuple)}
    assert hosts <= {"127.0.0.1", "::1", "localhost"}


def test_second_run_computes_nothing(products, request_):
    before = {name: getattr(products, name).manifest for name in type(products).model_fields}
    state = train(request_, return_state=True)
    assert set(task_states().values()) == {"Cached"}
    again = state.result()
    assert before == {name: getattr(again, name).manifest for name in type(again).model_fields}


def test_finished_run_is_recognised_without_a_flow(products, request_):
    assert finished(request_) == products


def test_lost_artifact_is_computed_again_and_nothing_else(products, request_):
    shutil.rmtree(products.evaluation.path)
    assert finished(request_) is None
    train(request_)
    states = task_states()
    computed = {name for name, state in states.items() if state == "Completed"}
    assert computed == {"measure on the held-out test"}


def test_other_settings_take_over_what_they_share(products, request_):
    changed = request_.model_copy(update={"changes": {"predict.submit": "label"}})
    state = train(changed, return_state=True)
    states = task_states()
    computed = {name for name, state in states.items() if state == "Completed"}
    assert computed == {"write the submission", "upload products", "write the report"}
    labels = pd.read_csv(state.result().submission.path / "submission.csv")["label"]
    assert set(labels) <= {0, 1}


def test_bad_input_is_not_retried(prefect_server, request_, tmp_path):
    bad = request_.model_copy(update={"data": tmp_path})
    with pytest.raises(InputError, match=r"has no train_labels\.csv"):
        train(bad)
