"""What of a service is up, and what it does."""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, computed_field
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from deployments.answering import answers
from deployments.service.connection import connect
from deployments.service.environment import AUTH, CLIENT_AUTH
from deployments.service.home import Addresses, Home
from pcam_core.credentials import without_credentials
from pcam_core.units import duration

Up = Literal["up", "down", "refuses", "unknown"]
_MOST = 200
_COLOURS = {"up": "green", "down": "red", "refuses": "red", "unknown": "yellow"}
_SERVERS = ("http://", "https://")


class Part(BaseModel):
    """A process of the service.

    Attributes:
        name: "Prefect", "MLflow" or "worker <name>".
        state: Whether it answers; "refuses" where it wants a password, or another one; "unknown"
            where nothing says where it is, or that is a database.
        address: Where it is found; empty for a worker.
    """

    name: str
    state: Up
    address: str = ""


class Run(BaseModel):
    """A run that has not ended.

    Attributes:
        id: Prefect's id.
        name: What it is about.
        deployment: What it was started from.
        state: As Prefect calls it ("Running", "Late", "AwaitingRetry").
        since: When it came into that state.
    """

    id: str
    name: str
    deployment: str
    state: str
    since: datetime


class Schedule(BaseModel):
    """When a deployment runs by itself.

    Attributes:
        deployment: Its name.
        schedule: Cron's five fields, or another rule.
        active: False while it is paused.
        next: The next run, if any.
    """

    deployment: str
    schedule: str
    active: bool
    next: datetime | None


class Status(BaseModel):
    """The whole service.

    Attributes:
        parts: What has to answer.
        runs: What runs or waits, oldest first.
        schedules: What will run by itself.
        champion: The model in service; None if there is none.
    """

    parts: list[Part]
    runs: list[Run] = []
    schedules: list[Schedule] = []
    champion: str | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def up(self) -> bool:
        """Whether all is up that is known of."""
        return all(part.state in {"up", "unknown"} for part in self.parts)


def show_status(root: Path, *, as_json: bool) -> bool:
    """Print the status of the service in a folder, or at PREFECT_API_URL.

    Returns:
        Whether all is up.
    """
    status = read_status(Home(root.absolute()))
    if as_json:
        print(status.model_dump_json(indent=2))
    else:
        _show(status, Console(highlight=False))
    return status.up


def read_status(home: Home) -> Status:
    """Ask everything that belongs to the service."""
    api = connect(home)
    if api is None:
        return Status(parts=[Part(name="Prefect", state="down"), Part(name="MLflow", state="down")])
    told = home.told()
    if told and told.api != api:
        told = None  # PREFECT_API_URL names another service
    registry = _registry(told)
    mlflow = Part(name="MLflow", state="unknown", address=without_credentials(registry))
    if registry.startswith(_SERVERS):
        mlflow.state = "up" if answers(f"{registry}/health") else "down"
    prefect = Part(name="Prefect", state="down", address=without_credentials(api))
    if not answers(f"{api}/health"):
        return Status(parts=[prefect, mlflow])
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectHTTPStatusError

    with get_client(sync_client=True) as client:
        try:
            status = _ask(client, told.workers if told else [], prefect, mlflow)
        except PrefectHTTPStatusError as error:
            if error.response.status_code != 401:
                raise
            prefect.state = "refuses"
            return Status(parts=[prefect, mlflow])
    if registry and mlflow.state != "down":
        status.champion = _champion(registry)
    return status


def _registry(told: Addresses | None) -> str:
    """Return the registry's address, with its password; empty where nothing names it."""
    given = os.environ.get("MLFLOW_TRACKING_URI", "").rstrip("/")
    if told is None or without_credentials(given) == told.mlflow:
        return given
    return told.mlflow


def _champion(tracking: str) -> str | None:
    from tasks.champion import champion

    found = champion(tracking)
    return f"version {found.version}, AUC {found.metrics['auc']:.3f}" if found else None


def _ask(client: Any, workers: list[str], prefect: Part, mlflow: Part) -> Status:
    from prefect.client.schemas.filters import (
        FlowRunFilter,
        FlowRunFilterState,
        FlowRunFilterStateType,
    )
    from prefect.client.schemas.objects import StateType
    from prefect.client.schemas.sorting import FlowRunSort

    from deployments.service.workers import online_workers

    online = online_workers(client)
    prefect.state = "up"
    found = [
        Part(name=f"worker {name}", state="up" if name in online else "down")
        for name in workers or online or ["(none)"]
    ]
    names = {deployment.id: deployment for deployment in client.read_deployments(limit=_MOST)}
    open_states = [StateType.RUNNING, StateType.PENDING, StateType.SCHEDULED, StateType.CANCELLING]
    runs = client.read_flow_runs(
        flow_run_filter=FlowRunFilter(
            state=FlowRunFilterState(type=FlowRunFilterStateType(any_=open_states))
        ),
        sort=FlowRunSort.EXPECTED_START_TIME_ASC,
        limit=_MOST,
    )
    now = datetime.now(UTC)
    planned = [run for run in runs if run.auto_scheduled and run.expected_start_time > now]
    schedules = [
        Schedule(
            deployment=deployment.name,
            schedule=str(getattr(schedule.schedule, "cron", None) or schedule.schedule),
            active=schedule.active and not deployment.paused,
            next=min(
                (run.expected_start_time for run in planned if run.deployment_id == deployment.id),
                default=None,
            ),
        )
        for deployment in names.values()
        for schedule in deployment.schedules
    ]
    return Status(
        parts=[prefect, mlflow, *found],
        runs=[
            Run(
                id=str(run.id),
                name=run.name,
                deployment=names[run.deployment_id].name if run.deployment_id in names else "",
                state=run.state.name,
                since=run.state.timestamp,
            )
            for run in runs
            if run not in planned
        ],
        schedules=schedules,
    )


def _show(status: Status, console: Console) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for part in status.parts:
        remedy = f"set {CLIENT_AUTH} or {AUTH}" if part.state == "refuses" else part.address
        if part.state == "unknown" and not part.address:
            remedy = "set MLFLOW_TRACKING_URI"
        table.add_row(Text(part.name, "bold"), Text(part.state, _COLOURS[part.state]), remedy)
    console.print(table, soft_wrap=True)
    if not any(part.address for part in status.parts):
        console.print("Nothing is known of a service in this --home; `pcam up` starts one.")
        return
    console.print(f"\n[bold]Champion[/bold]  {escape(status.champion or 'none')}")
    runs = Table(box=None, padding=(0, 2, 0, 0), title_justify="left", header_style="bold")
    for column in ("Deployment", "Run", "State", "For"):
        runs.add_column(column, overflow="fold")
    now = datetime.now(UTC)
    for run in status.runs:
        age = duration((now - run.since).total_seconds())
        runs.add_row(run.deployment, escape(run.name), run.state, age)
    for schedule in status.schedules:
        start = f"{schedule.next:%Y-%m-%d %H:%M} UTC" if schedule.next else ""
        state = "scheduled" if schedule.active else "paused"
        runs.add_row(schedule.deployment, schedule.schedule, state, start)
    if runs.row_count:
        console.print()
        console.print(runs)
