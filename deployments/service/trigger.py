"""Starting a run in the service and following it."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from rich.console import Console
from rich.markup import escape

from deployments.answering import answers
from deployments.service.connection import connect
from deployments.service.environment import AUTH, CLIENT_AUTH
from deployments.service.home import Home
from deployments.service.run_log import RunLog
from pcam_core.credentials import without_credentials
from pcam_core.datasets.generated import SCHEME as GENERATED
from pcam_core.errors import InputError
from pcam_core.listing import listing

if TYPE_CHECKING:
    from prefect.exceptions import PrefectHTTPStatusError

_LOOK_EVERY_S = 1.0
_LAST_LINES_S = 5.0  # a run sends its log in batches, the last after its end
_REVIVAL_S = 10.0  # the server takes a crashed run up again
_MOST = 200
_REFUSALS = {400, 409, 422}  # of a request that is wrong; other codes tell of the server


def run_deployment(
    root: Path,
    name: str,
    request: Mapping[str, Any],
    idempotency_key: str | None,
    *,
    as_json: bool,
) -> bool:
    """Start a run, show its log and progress until it ends, and return whether it was completed.

    Args:
        root: Folder of the service.
        name: Of the deployment.
        request: Its fields; those that are None or have no entries are left to the deployment.
        idempotency_key: A key that was seen starts no new run.
        as_json: Whether to print JSON for programs at the end.

    Raises:
        InputError: There is no such service or deployment, or it refuses the request.
    """
    api = connect(Home(root.absolute()))
    if api is None or not answers(f"{api}/health"):
        place = without_credentials(api) if api else str(root.absolute())
        raise InputError(
            f"No service answers at {place}.", "Start one with `pcam up`, or set PREFECT_API_URL."
        )
    told = {
        field: _for_worker(field, value)
        for field, value in request.items()
        if value is not None and value != {}
    }
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectHTTPStatusError

    console = Console(stderr=True, highlight=False)
    with get_client(sync_client=True) as client:
        try:
            run = _create(client, name, told, idempotency_key)
        except PrefectHTTPStatusError as error:
            raise _refusal(error) from None
        console.print(f"[bold]{escape(run.name)}[/bold]  {_page(api, run.id)}", soft_wrap=True)
        try:
            state = _follow(client, run.id, console)
        except KeyboardInterrupt:
            console.print("\nNo longer followed; the run goes on.")
            return False
        found = {"id": str(run.id), "state": state.name, "page": _page(api, run.id)}
        if as_json:
            print(json.dumps(found, indent=2))
        elif state.is_completed():
            console.print("[green]Completed[/green]")
        else:
            console.print(f"[red]{state.name}[/red] {escape(state.message or '')}", soft_wrap=True)
        return bool(state.is_completed())


def _create(client: Any, name: str, request: dict[str, Any], key: str | None) -> Any:
    known = {deployment.name: deployment for deployment in client.read_deployments(limit=_MOST)}
    if name not in known:
        raise InputError(f"There is no deployment {name!r}.", f"Choose from {listing(known)}.")
    return client.create_flow_run_from_deployment(
        known[name].id,
        parameters={"request": request},
        idempotency_key=key,
        name=f"{name} on {', '.join(request['data'])}",  # until it starts
    )


def _refusal(error: "PrefectHTTPStatusError") -> Exception:
    """Return what to raise of an answer that is none: only some are the user's affair."""
    answer = error.response
    if answer.status_code == 401:
        return InputError(
            "The service wants a password.", f"Set {CLIENT_AUTH} or {AUTH} to user:password."
        )
    if answer.status_code not in _REFUSALS:
        return error
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        detail = answer.text
    return InputError(f"The service refuses the request: {detail}", "Correct it and try again.")


def _follow(client: Any, run: UUID, console: Console) -> Any:
    """Print a run's log as it grows, until the run ends; return its last state."""
    from httpx import HTTPError

    log, active = RunLog(client, run, console), time.monotonic()
    with console.status("waiting for a worker") as status:
        while True:
            try:
                state = client.read_flow_run(run).state
                if log.print_new() or not state.is_final():
                    active = time.monotonic()
                silence = _REVIVAL_S if state.is_crashed() else _LAST_LINES_S
                if time.monotonic() - active > silence:
                    return state
                status.update(_progress(client, run) or state.name)
            except HTTPError:
                status.update("the service does not answer; it is asked again")
            time.sleep(_LOOK_EVERY_S)


def _progress(client: Any, run: UUID) -> str | None:
    from prefect.client.schemas.filters import (
        ArtifactFilter,
        ArtifactFilterFlowRunId,
        ArtifactFilterType,
    )
    from prefect.client.schemas.sorting import ArtifactSort

    chosen = ArtifactFilter(
        flow_run_id=ArtifactFilterFlowRunId(any_=[run]), type=ArtifactFilterType(any_=["progress"])
    )
    found = client.read_artifacts(
        artifact_filter=chosen, sort=ArtifactSort.UPDATED_DESC, limit=1, offset=0
    )
    return found[0].description if found else None


def _for_worker(field: str, value: Any) -> Any:
    """Return a field of a request whose paths mean the same in the worker's folder."""
    if field == "data":
        return [_absolute(address) for address in value]
    is_path = (
        field == "to"
        or (field == "recipe" and value.endswith(".toml"))
        or (field == "model" and value != "champion")
    )
    return _absolute(value) if is_path else value


def _absolute(address: str) -> str:
    """Return an address whose path is absolute, where it is one."""
    if not address or "://" in address or address.startswith(GENERATED):
        return address
    return str(Path(address).absolute())


def _page(api: str, run: UUID) -> str:
    return f"{without_credentials(api).removesuffix('/api')}/runs/flow-run/{run}"
