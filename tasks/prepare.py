"""Crop, enlarge and store the patches."""

from prefect.artifacts import create_table_artifact

from pcam_core.artifact import Artifact
from pcam_core.stages.prepare import prepare
from tasks.stage_task import stage_task


def _publish(artifact: Artifact) -> None:
    row = artifact.figures | {"megabytes": round(artifact.size / 1e6, 1)}
    create_table_artifact([row], key="patch-store", description="The prepared patches")


prepare_patches = stage_task(prepare, "prepare patches", publish=_publish, tags=("data", "gpu"))
