"""Send final products to object storage."""

from prefect.artifacts import create_table_artifact

from pcam_core.artifact import Artifact
from pcam_core.stages.upload import upload
from tasks.stage_task import stage_task


def _publish(artifact: Artifact) -> None:
    create_table_artifact(
        artifact.figures["receipts"], key="uploads", description="What stands in object storage"
    )


upload_products = stage_task(
    upload, "upload products", publish=_publish, tags=("output",), timeout_seconds=3600
)
