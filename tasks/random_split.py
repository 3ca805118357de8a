"""Train on patches drawn one by one."""

from pcam_core.artifact import Artifact
from pcam_core.stages.random_split import random_split
from tasks.stage_task import stage_task
from tasks.tables import show_table


def _publish(artifact: Artifact) -> None:
    figures = artifact.figures
    row = {"patches": figures["patches"], "share with a known group": figures["leaking"]}
    show_table("random-split", "A fold drawn patch by patch, as the notebook drew it", [row])


train_on_random_split = stage_task(random_split, "train on a random split", publish=_publish)
