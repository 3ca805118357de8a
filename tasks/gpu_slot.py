"""One run a card, also where workers were started by hand."""

from collections.abc import Iterator
from contextlib import contextmanager

from prefect.concurrency.sync import concurrency
from prefect.runtime import deployment

GPU = "gpu"
"""The global concurrency limit in Prefect: how many runs may train at once."""

# What a run that was killed holds is free again after so many seconds.
_LEASE_S = 60


@contextmanager
def gpu_slot() -> Iterator[None]:
    """Wait until the limit has room and keep a place in it to the block's end.

    A run outside a deployment has its server, and its machine, to itself.

    Raises:
        ConcurrencySlotAcquisitionError: There is no such limit, or the lease could not be kept.
    """
    if deployment.id is None:
        yield
        return
    with concurrency(GPU, strict=True, lease_duration=_LEASE_S):
        yield
