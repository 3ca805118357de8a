"""Send final products to object storage."""

from pcam_core.artifact import Artifact
from pcam_core.stages.upload import upload
from tasks.stage_task import stage_task
from tasks.tables import show_table


def _publish(artifact: Artifact) -> None:
    show_table("uploads", "What stands in object storage", artifact.figures["receipts"])


upload_products = stage_task(upload, "upload products", publish=_publish, timeout_seconds=3600)
