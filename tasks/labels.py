"""Load labels and check that each has its file."""

from prefect.artifacts import create_table_artifact

from pcam_core.artifact import Artifact
from pcam_core.stages.labels import labels
from tasks.stage_task import stage_task


def _publish(artifact: Artifact) -> None:
    create_table_artifact([artifact.figures], key="labels", description="What the folder holds")


load_labels = stage_task(labels, "load labels", publish=_publish, tags=("data",))
