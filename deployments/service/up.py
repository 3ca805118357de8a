"""Starting the service, watching it, and stopping it."""

import os
import platform
import signal
import socket
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from rich.console import Console
from rich.table import Table

from deployments.answering import answers
from deployments.service.commands import mlflow_server, prefect_server, worker
from deployments.service.environment import (
    LOOPBACK,
    addresses,
    check_database,
    check_protection,
    environment,
    starts_mlflow,
)
from deployments.service.family import end_family
from deployments.service.home import Addresses, Home
from deployments.service.process import Process
from pcam_core.errors import InputError
from pcam_core.gpu_devices import gpu_devices
from pcam_core.writable import check_writable

_LOOK_EVERY_S = 1.0
_STOP_S = 15.0
_NEWS_S = 2.0  # the server takes down what the workers' last words lead to


def up(root: Path, host: str, port: int, mlflow_port: int) -> None:
    """Start everything and keep it running until Ctrl-C or SIGTERM; return if it runs already.

    Raises:
        InputError: The folder, a port or the protection is wrong, or something does not start.
    """
    home = Home(root.absolute())
    console = Console(highlight=False)
    check_protection(host)
    check_database()
    check_writable(home.root)
    for folder in (home.prefect, home.mlflow, home.logs):
        folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home.lock)
    try:
        lock.acquire(blocking=False)
    except Timeout:
        found = home.told()
        if found is None:
            raise InputError(
                f"A service in {home.root} is starting or stopping.", "Try again in a minute."
            ) from None
        _show(found, home, console, "It runs already.")
        return
    with lock:
        home.forget()
        end_family(home)  # of a service that was killed
        cards = gpu_devices()
        names = [f"{platform.node()}-{number}" for number in range(max(len(cards), 1))]
        found = addresses(host, port, mlflow_port, names)
        told = environment(home, found)
        _check_free(host, port)
        mlflow = []
        if starts_mlflow():
            _check_free(LOOPBACK, mlflow_port)
            mlflow = [mlflow_server(home, told, mlflow_port)]
        elif not answers(f"{found.mlflow}/health"):
            raise InputError(f"{found.mlflow} does not answer.", "Correct MLFLOW_TRACKING_URI.")
        server = prefect_server(home, told, host, port)
        devices: Sequence[str | None] = cards or [None]
        workers = [
            worker(home, told, name, card) for name, card in zip(names, devices, strict=True)
        ]
        for name in os.environ.keys() - told.keys():
            del os.environ[name]
        os.environ.update(told)
        _take_signals()
        try:
            _start(server, mlflow, workers, found, console)
            home.tell(found)
            _show(found, home, console, "Ctrl-C stops all of it.")
            _watch(home, [server, *mlflow, *workers], console)
        except KeyboardInterrupt:
            console.print("\nStopping.")
        finally:
            _stop(home, [server, *mlflow], workers)


def _take_signals() -> None:
    """Let the end of the terminal stop the service too, unless nohup is used."""
    if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, signal.default_int_handler)
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a script's background job
        # Workers would inherit that, and Prefect's stop by SIGINT.
        signal.signal(signal.SIGINT, lambda number, frame: None)  # noqa: ARG005


def _start(
    server: Process,
    mlflow: Sequence[Process],
    workers: Sequence[Process],
    found: Addresses,
    console: Console,
) -> None:
    for process in (server, *mlflow):
        process.start()
    with console.status("Prefect's server is starting"):
        server.wait_until(lambda: answers(f"{found.api}/health"))
    from prefect.client.orchestration import get_client

    from deployments.service.deploying import deploy

    with get_client(sync_client=True) as client:
        with console.status("deploying"):
            deploy(client, len(workers))
        since = datetime.now(UTC)
        for process in workers:
            process.start()
        with console.status("workers are starting"):
            for process, name in zip(workers, found.workers, strict=True):
                process.wait_until(partial(_is_online, client, name, since))
    with console.status("MLflow is starting"):
        for process in mlflow:
            process.wait_until(lambda: answers(f"{found.mlflow}/health"))


def _is_online(client: Any, name: str, since: datetime) -> bool:
    from deployments.service.workers import online_workers

    return name in online_workers(client, since)


def _watch(home: Home, processes: Sequence[Process], console: Console) -> None:
    while True:
        time.sleep(_LOOK_EVERY_S)
        for process in processes:
            code = process.tend()
            if code is not None:
                console.print(f"The {process.name} ended ({code}); it is started again.")
                # The run of a killed worker would share the card with the next run.
                end_family(home, part=process.name)


def _stop(home: Home, servers: Sequence[Process], workers: Sequence[Process]) -> None:
    try:
        home.forget()
        for process in workers:
            process.terminate()
        for process in workers:
            process.wait(_STOP_S)
        end_family(home, keep=[process.pid for process in servers])
        time.sleep(_NEWS_S)
        for process in servers:
            process.terminate()
        for process in servers:
            process.wait(_STOP_S)
    except KeyboardInterrupt:
        pass  # somebody is in a hurry
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        end_family(home)


def _check_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        raise InputError(
            f"Nothing can listen on {host}:{port} ({error.strerror}).",
            "Choose another --port, --mlflow-port or --host, or end what listens there.",
        ) from error


def _show(found: Addresses, home: Home, console: Console, last: str) -> None:
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    rows = {
        "Prefect": found.prefect,
        "MLflow": found.mlflow,
        "Workers": ", ".join(found.workers),
        "Folder": str(home.root),
    }
    for name, value in rows.items():
        table.add_row(f"[bold]{name}[/bold]", value)
    console.print(table, soft_wrap=True)
    console.print(last)
