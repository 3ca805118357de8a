"""All processes of a service, also those whose parent is gone."""

import os
from collections.abc import Collection

import psutil

from deployments.service.environment import MARK
from deployments.service.home import Home

_PATIENCE_S = 5.0


def end_family(home: Home, keep: Collection[int | None] = ()) -> None:
    """End every process that works for the service of this home, other than this one.

    Runs outlive a worker that is killed, and everything outlives a `pcam up` that is killed; the
    mark in their environment tells whose they are.

    Args:
        home: Of the service.
        keep: Processes that are left alone.
    """
    family = [process for process in psutil.process_iter() if _belongs(process, home, keep)]
    for process in family:
        _signal(process, kill=False)
    stubborn = psutil.wait_procs(family, timeout=_PATIENCE_S)[1]
    for process in stubborn:
        _signal(process, kill=True)
    psutil.wait_procs(stubborn, timeout=_PATIENCE_S)


def _belongs(process: psutil.Process, home: Home, keep: Collection[int | None]) -> bool:
    if process.pid == os.getpid() or process.pid in keep:
        return False
    try:
        return bool(process.environ().get(MARK) == str(home.root))
    except psutil.Error:
        return False  # another user's, or gone meanwhile


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return
