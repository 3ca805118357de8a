"""What Prefect remembers of runs."""

import logging
import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path
from uuid import UUID

from deployments.embedded_prefect import embed_prefect, wait_for_server
from pcam_core.errors import InputError
from pcam_core.runs.record import RunRecord

logger = logging.getLogger(__name__)


def forget(flow_runs: Collection[str], home: Path) -> None:
    """Delete flow runs with their task runs, states and logs; those that are gone do not matter.

    The embedded server takes seconds to start, so it is not asked when it never ran.

    Args:
        flow_runs: Prefect's ids.
        home: Folder of the embedded server; see `embed_prefect`.

    Raises:
        InputError: The server that `PREFECT_API_URL` names does not do it.
    """
    if not flow_runs or not (os.environ.get("PREFECT_API_URL") or (home / "prefect.db").is_file()):
        return
    embed_prefect(home)
    if os.environ.get("PREFECT_HOME") not in (None, str(home.absolute())):
        logger.warning("%s is in use: the history of the removed runs stays there.", home)
        return
    wait_for_server()
    from httpx import HTTPError
    from prefect.client.orchestration import get_client
    from prefect.exceptions import ObjectNotFound

    try:
        with get_client(sync_client=True) as client:
            for flow_run in flow_runs:
                with suppress(ObjectNotFound):
                    client.delete_flow_run(UUID(flow_run))
    except HTTPError as error:
        raise InputError(
            f"Prefect's history could not be deleted ({type(error).__name__}: {error}), and nothing"
            " else was removed.",
            "See whether PREFECT_API_URL and its credentials are right, and prune again.",
        ) from error


def tell_crashed(records: Iterable[RunRecord]) -> None:
    """Have the server show as crashed what could not say so itself; it must be running."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.objects import State
    from prefect.exceptions import ObjectNotFound
    from prefect.states import Crashed

    with get_client(sync_client=True) as client:
        for record in records:
            if record.flow_run:
                state: State[None] = Crashed(message=f"The run was {record.state}.")
                with suppress(ObjectNotFound):
                    client.set_flow_run_state(UUID(record.flow_run), state, force=True)
