"""Tags of the current run, to filter by in Prefect."""

from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.runtime import flow_run


def tag_run(tag: str) -> None:
    """Add a tag to the current flow run, and not to its tasks."""
    with get_client(sync_client=True) as client:
        client.update_flow_run(UUID(flow_run.id), tags={*flow_run.tags, tag})
