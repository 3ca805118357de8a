"""All processes of a service, also those whose parent is gone."""

import os
from collections.abc import Collection

import psutil

from deployments.process_ending import end_processes
from deployments.service.environment import MARK, PART
from deployments.service.home import Home


def end_family(home: Home, keep: Collection[int | None] = (), part: str | None = None) -> None:
    """End every process that works for the service of this home, other than this one.

    Runs outlive a worker that is killed, and everything outlives a `pcam up` that is killed; the
    marks in their environment tell whose they are.

    Args:
        home: Of the service.
        keep: Processes that are left alone.
        part: Name of the process that they come from, where only those are meant.
    """

    def found() -> list[psutil.Process]:
        return [process for process in psutil.process_iter() if _belongs(process)]

    def _belongs(process: psutil.Process) -> bool:
        if process.pid == os.getpid() or process.pid in keep:
            return False
        try:
            told = process.environ()
        except psutil.Error:
            return False  # another user's, or gone meanwhile
        return told.get(MARK) == str(home.root) and part in (None, told.get(PART))

    end_processes(found)
