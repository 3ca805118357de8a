"""Prefect inside this process: own server, own folder, contacting nobody."""

import os
import signal
from itertools import count
from pathlib import Path
from typing import Any

from deployments.prefect_settings import SETTINGS
from deployments.process_ending import end_processes
from pcam_core.runs.process_identity import ProcessIdentity, this_process
from pcam_core.writable import check_writable

# In the environment of a server: the process that it works for.
_OWNER = "PCAM_SERVER_OWNER"
# The homes of this process; the end of the process frees their locks.
_locks: dict[Path, Any] = {}


def embed_prefect(home: Path) -> None:
    """Set Prefect's environment; call it before Prefect is imported.

    A `PREFECT_API_URL` that is set wins: runs then appear on that server.

    Args:
        home: Folder of the embedded server's database and results. While another process has a
            server there, "<home>-2", "<home>-3", ... stand in for it: SQLite locks out a second
            server for minutes.

    Raises:
        InputError: It cannot be written.
    """
    check_writable(home)
    settings = dict(SETTINGS)
    if not os.environ.get("PREFECT_API_URL"):
        settings |= {
            "PREFECT_HOME": str(_free_home(home.absolute())),
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
            # A fresh database is migrated first, which takes half a minute on a slow disk.
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
            "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
        }
    for name, value in settings.items():
        os.environ.setdefault(name, value)


def start_server() -> None:
    """Start an embedded server that ends with this process, unless `PREFECT_API_URL` is set."""
    from prefect.server.api.server import SubprocessASGIServer
    from prefect.settings import get_current_settings

    if get_current_settings().api.url:
        return
    _end_orphans(os.environ["PREFECT_HOME"])
    os.environ[_OWNER] = this_process().model_dump_json()
    # Ctrl-C goes to every process of the terminal: the server must outlive it, to be told.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        SubprocessASGIServer().start()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def stop_server() -> None:
    """Stop the embedded server, where one was started, without waiting for the process's end."""
    from prefect.server.api.server import SubprocessASGIServer

    SubprocessASGIServer().stop()


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
