"""Prefect inside this process: own server, own folder, contacting nobody."""

import atexit
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from deployments.answering import answers
from deployments.embedded_server import LOOPBACK
from deployments.prefect_settings import SETTINGS
from deployments.process_ending import end_processes
from pcam_core.errors import InputError
from pcam_core.runs.process_identity import ProcessIdentity, this_process
from pcam_core.writable import check_writable

# In the environment of a server: the process that it works for.
_OWNER = "PCAM_SERVER_OWNER"
_START_S = 180.0  # a fresh database is migrated first
_LOOK_EVERY_S = 0.05
_STOP_S = 5.0


@dataclass
class _Server:
    process: subprocess.Popen[bytes]
    api: str
    log: Path
    ready: bool = False


# The homes of this process; the end of the process frees their locks.
_locks: dict[Path, Any] = {}
_server: _Server | None = None


def embed_prefect(home: Path) -> None:
    """Set Prefect's environment and start a server; call it before Prefect is imported.

    The server takes seconds to answer, in which this process can import what it needs; see
    `wait_for_server`. It ends with this process. A `PREFECT_API_URL` that is set wins: runs then
    appear on that server, and none is started.

    Args:
        home: Folder of the server's database, log and results. While another process has a server
            there, "<home>-2", "<home>-3", ... stand in for it: SQLite locks out a second server
            for minutes.

    Raises:
        InputError: It cannot be written.
    """
    check_writable(home)
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    if os.environ.get("PREFECT_API_URL"):
        return
    home = _free_home(home.absolute())
    _end_orphans(str(home))
    _start(home)


def wait_for_server() -> None:
    """Wait until the embedded server answers, where one was started.

    Raises:
        InputError: It ends instead, or takes too long.
    """
    server = _server
    if server is None or server.ready:
        return
    end = time.monotonic() + _START_S
    while not answers(f"{server.api}/health"):
        code = server.process.poll()
        if code is not None or time.monotonic() > end:
            fault = "does not answer" if code is None else f"ended at once (exit code {code})"
            raise InputError(f"Prefect's embedded server {fault}.", f"See {server.log}.")
        time.sleep(_LOOK_EVERY_S)
    server.ready = True


def stop_server() -> None:
    """Stop the embedded server, where one was started, without waiting for the process's end."""
    global _server
    if _server is None:
        return
    server, _server = _server, None
    os.environ.pop("PREFECT_API_URL", None)
    if server.ready:
        server.process.terminate()
    else:  # it knows nothing yet, and would first migrate its database to the end
        server.process.kill()
    try:
        server.process.wait(_STOP_S)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()


def _start(home: Path) -> None:
    global _server
    port = _free_port()
    api = f"http://{LOOPBACK}:{port}/api"
    os.environ |= {"PREFECT_HOME": str(home), "PREFECT_API_URL": api}
    log = home / "server.log"
    # Ctrl-C goes to every process of the terminal: the server must outlive it, to be told.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        with log.open("wb") as output:
            process = subprocess.Popen(  # noqa: S603 - our own command, no shell
                [sys.executable, "-P", "-m", "deployments.embedded_server", str(port)],
                env=os.environ | {_OWNER: this_process().model_dump_json()},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
    _server = _Server(process, api, log)
    atexit.register(stop_server)


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as probe:
        return int(probe.getsockname()[1])


def _free_home(home: Path) -> Path:
    """Return the first of the homes that is ours alone until this process ends."""
    from filelock import FileLock, Timeout

    for number in count(1):
        candidate = home if number == 1 else home.with_name(f"{home.name}-{number}")
        if candidate in _locks:
            return candidate
        candidate.mkdir(parents=True, exist_ok=True)
        lock = FileLock(candidate / "owner.lock")
        try:
            lock.acquire(blocking=False)
        except Timeout:
            continue
        _locks[candidate] = lock
        return candidate
    raise AssertionError("counting never ends")


def _end_orphans(home: str) -> None:
    """End the servers of this home whose owner was killed without them."""
    import psutil

    def is_orphan(process: psutil.Process) -> bool:
        try:
            environment = process.environ()
        except psutil.Error:
            return False  # another user's, or gone meanwhile
        owner = environment.get(_OWNER)
        if not owner or environment.get("PREFECT_HOME") != home:
            return False
        return ProcessIdentity.model_validate_json(owner).gone()

    end_processes(lambda: [process for process in psutil.process_iter() if is_orphan(process)])
