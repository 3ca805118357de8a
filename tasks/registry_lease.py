"""One at a time, of all workers: who changes what models compete for holds a lease."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

LIMIT = "pcam-registry"
"""The global concurrency limit in Prefect, of one."""

_LEASE_S = 60  # after so many seconds what a killed run holds is free again


@contextmanager
def lease() -> Iterator[None]:
    """Hold the limit while the block runs; the lease is renewed, and lost with the process."""
    from prefect.client.orchestration import get_client
    from prefect.concurrency.sync import concurrency
    from prefect.exceptions import ObjectAlreadyExists

    with get_client(sync_client=True) as client, suppress(ObjectAlreadyExists):
        client.upsert_global_concurrency_limit_by_name(LIMIT, 1)
    with concurrency(LIMIT, strict=True, lease_duration=_LEASE_S):
        yield
