"""One finished run of the miniature recipe, which all tests of flows share."""

import sys
import time
from types import SimpleNamespace

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.sorting import FlowRunSort, TaskRunSort

from flows.request import TrainRequest
from flows.train import train

_connections: list[object] = []


def _watch(event, arguments):
    if event == "socket.connect":
        _connections.append(arguments[1])


sys.addaudithook(_watch)


@pytest.fixture(scope="session")
def task_states():
    """Ask for the state of every task run of the latest flow run, by name."""

    def states():
        # The server takes note of them after a while, and of a locked database's after a minute.
        end = time.monotonic() + 150
        while True:
            with get_client(sync_client=True) as client:
                latest = client.read_flow_runs(sort=FlowRunSort.START_TIME_DESC, limit=1)[0]
                runs = client.read_task_runs(
                    flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[latest.id])),
                    sort=TaskRunSort.EXPECTED_START_TIME_ASC,
                    limit=100,
                )
            if all(run.state.is_final() for run in runs) or time.monotonic() > end:
                return {run.name: run.state.name for run in runs}
            time.sleep(0.5)

    return states


@pytest.fixture(scope="session")
def request_(generated, miniature_recipe, tmp_path_factory):
    out = tmp_path_factory.mktemp("out")
    return TrainRequest(data=generated, recipe=miniature_recipe, out=out)


@pytest.fixture(scope="session")
def first(prefect_server, request_, task_states):
    """The run: its id in Prefect, products, task runs' states, and the addresses it spoke to."""
    _connections.clear()
    state = train(request_, return_state=True)
    return SimpleNamespace(
        flow_run=str(state.state_details.flow_run_id),
        products=state.result(),
        connections=list(_connections),
        states=task_states(),
    )


@pytest.fixture
def products(first):
    return first.products
