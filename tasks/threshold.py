"""Choose the threshold."""

from prefect.artifacts import create_table_artifact

from pcam_core.artifact import Artifact
from pcam_core.stages.threshold import threshold
from tasks.stage_task import stage_task


def _publish(artifact: Artifact) -> None:
    figures = artifact.figures
    rows = [
        {"threshold": at, **figures[name]}
        for name, at in (("at_half", 0.5), ("at_threshold", figures["threshold"]))
    ]
    create_table_artifact(rows, key="threshold", description="On the validation part")


choose_threshold = stage_task(
    threshold, "choose the threshold", publish=_publish, tags=("decision",)
)
