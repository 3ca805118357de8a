import socket
from pathlib import Path

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.exceptions import ObjectNotFound
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings

from deployments.prefect_history import forget
from pcam_core.errors import InputError

pytestmark = pytest.mark.usefixtures("no_embedded_server")

UNKNOWN = "4f0c3f0e-0000-4000-8000-000000000000"


@flow(persist_result=False)
def trivial():
    return 1


def test_only_the_named_runs_are_forgotten(prefect_server):
    gone, kept = (trivial(return_state=True).state_details.flow_run_id for _ in range(2))
    for _ in range(2):
        forget([str(gone), UNKNOWN], Path("nowhere"))
    with get_client(sync_client=True) as client:
        assert client.read_flow_run(kept).id == kept
        with pytest.raises(ObjectNotFound):
            client.read_flow_run(gone)


def test_a_server_that_does_not_answer_is_named(prefect_server):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/api"
    with (
        temporary_settings({PREFECT_API_URL: url, PREFECT_CLIENT_MAX_RETRIES: 0}),
        pytest.raises(InputError, match="history could not be deleted"),
    ):
        forget([UNKNOWN], Path("nowhere"))
