"""Summarise the training patches."""

from pcam_core.artifact import Artifact
from pcam_core.stages.reference import reference
from tasks.stage_task import stage_task
from tasks.tables import show_table


def _publish(artifact: Artifact) -> None:
    rows = [
        {"how unusual a patch is by its": name, "like something seen up to": limit}
        for name, limit in artifact.figures["limits"].items()
    ]
    show_table("reference", "Beyond these, a patch gets no prediction", rows)


summarise_training = stage_task(reference, "summarise the training patches", publish=_publish)
