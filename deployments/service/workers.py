"""The workers that the server has heard of lately."""

from datetime import UTC, datetime

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import WorkerStatus
from prefect.exceptions import ObjectNotFound

from deployments.service.commands import POOL

_MOST = 200
_EVER = datetime.fromtimestamp(0, UTC)


def online_workers(client: SyncPrefectClient, since: datetime = _EVER) -> list[str]:
    """Return the names of the pool's workers that are online and have been heard since a time.

    A server without the pool has none.
    """
    try:
        found = client.read_workers_for_work_pool(POOL, offset=0, limit=_MOST)
    except ObjectNotFound:
        return []
    return sorted(
        worker.name
        for worker in found
        if worker.status == WorkerStatus.ONLINE
        and worker.last_heartbeat_time
        and worker.last_heartbeat_time >= since
    )
