"""Ending processes, and those that they start while they are ended."""

from collections.abc import Callable, Sequence

import psutil

_PATIENCE_S = 5.0
_ROUNDS = 5  # what the kernel does not let go is not waited for for ever


def end_processes(find: Callable[[], Sequence[psutil.Process]]) -> None:
    """End all processes that `find` finds, politely first, until it finds none.

    Args:
        find: Returns those that live; this process is not among them.
    """
    for _ in range(_ROUNDS):
        processes = find()
        if not processes:
            return
        for process in processes:
            _signal(process, kill=False)
        stubborn = psutil.wait_procs(processes, timeout=_PATIENCE_S)[1]
        for process in stubborn:
            _signal(process, kill=True)
        psutil.wait_procs(stubborn, timeout=_PATIENCE_S)


def _signal(process: psutil.Process, *, kill: bool) -> None:
    try:
        process.kill() if kill else process.terminate()
    except psutil.NoSuchProcess:
        return
