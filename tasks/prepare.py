"""Crop, enlarge and store the patches."""

from pcam_core.artifact import Artifact
from pcam_core.stages.prepare import prepare
from tasks.stage_task import stage_task
from tasks.tables import show_table


def _publish(artifact: Artifact) -> None:
    row = artifact.figures | {"megabytes": round(artifact.size / 1e6, 1)}
    show_table("patch-store", "The prepared patches", [row])


prepare_patches = stage_task(prepare, "prepare patches", publish=_publish)
