"""Dask workers, each with a GPU of its own, that share a stage's work."""

import logging
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path
from socket import gethostname
from typing import Any

from pcam_core.errors import InputError
from pcam_core.fan_out import Employ, Job, Workers
from pcam_core.listing import count, listing

logger = logging.getLogger(__name__)
_CONNECT_S = 20
_US = "pcam"


def dask_workers(address: str | None) -> Employ:
    """Return what gives workers to a stage; see `pcam_core.fan_out.employing`.

    Args:
        address: Of a running Dask scheduler, as "tcp://host:8786"; its workers see the data and
            the artifacts at the same paths. Without one, jobs that want a GPU get a process for
            each GPU of this machine, if there are several.
    """

    @contextmanager
    def employ(gpu: bool) -> Iterator[Workers | None]:
        devices = _gpus() if gpu and not address else []
        if not address and len(devices) < 2:
            yield None
            return
        with (
            nullcontext(address) if address else one_worker_a_device(devices) as scheduler,
            _connected(scheduler) as workers,
        ):
            yield workers

    return employ


@contextmanager
def one_worker_a_device(devices: Sequence[str]) -> Iterator[str]:
    """Give the address of a Dask scheduler on this machine for the time of the block.

    Args:
        devices: What CUDA_VISIBLE_DEVICES of each worker process is.
    """
    from distributed import Nanny, Scheduler, SpecCluster

    here = {"host": "127.0.0.1", "dashboard": False}
    spec = {
        number: {
            "cls": Nanny,
            "options": {
                **here,
                # One decodes its shard while the other enlarges.
                "nthreads": 2,
                "memory_limit": None,
                "env": {"CUDA_VISIBLE_DEVICES": device},
            },
        }
        for number, device in enumerate(devices)
    }
    options = {**here, "port": 0, "dashboard_address": "127.0.0.1:0"}
    scheduler = {"cls": Scheduler, "options": options}
    with SpecCluster(spec, scheduler, silence_logs=logging.ERROR) as cluster:  # type: ignore[no-untyped-call]
        yield cluster.scheduler_address


@contextmanager
def _connected(address: str) -> Iterator[Workers]:
    from distributed import as_completed
    from prefect_dask.task_runners import DaskTaskRunner

    with DaskTaskRunner(address=address, client_kwargs={"timeout": _CONNECT_S}) as runner:
        try:
            found = runner.client.run(version, _US, on_error="return")
        except (OSError, ValueError) as error:
            raise InputError(
                f"No Dask scheduler answers at {address} ({error}).",
                "Start one with `dask scheduler` and workers with `dask worker`, and give its"
                " address as tcp://host:8786.",
            ) from error
        # A worker that cannot read what it is sent dies of it, as does the next one.
        lacking = [worker for worker, release in found.items() if release != version(_US)]
        if lacking:
            raise InputError(
                f"Dask workers of {address} lack this release of {_US}: {listing(lacking)}.",
                "Install the release and its lock that run here there, too.",
            )
        if found:
            logger.info("%s of %s share the work.", count(found, "Dask worker"), address)
        else:
            logger.warning("%s has no Dask workers; waiting for the first.", address)

        def run(jobs: Sequence[Job], done: Callable[[Any], None]) -> None:
            # No tasks of Prefect: where this process embeds its server, each worker would start
            # another on the same database. The stage's own task tries again and goes on.
            client = runner.client
            futures = [client.submit(_work, job, pure=False) for job in jobs]
            for future in as_completed(futures, loop=client.loop):  # type: ignore[no-untyped-call]
                done(future.result())

        yield Workers(max(len(found), 1), run)


def _work(job: Job) -> Any:
    """Do a job on a worker."""
    try:
        return job()
    except InputError as error:
        raise InputError(
            f"On the worker {gethostname()}: {error.problem}",
            f"{error.remedy} Every worker has to see the data and --out at the same paths.",
            error.items,
        ) from error


def _gpus() -> list[str]:
    """Return the GPUs that this process may use, as CUDA_VISIBLE_DEVICES names them."""
    if not Path("/proc/driver/nvidia").exists():
        return []  # without the seconds that loading a backend takes
    from pcam_core.precision import gpus

    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    return visible.split(",") if visible else [str(number) for number in range(len(gpus()))]
