"""Load labels and check that each has its file."""

from pcam_core.artifact import Artifact
from pcam_core.stages.labels import labels
from tasks.stage_task import stage_task
from tasks.tables import show_table


def _publish(artifact: Artifact) -> None:
    show_table("labels", "What the folder holds", [artifact.figures])


load_labels = stage_task(labels, "load labels", publish=_publish)
