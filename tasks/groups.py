"""Find out which patches belong together."""

from pcam_core.artifact import Artifact
from pcam_core.stages.groups import groups
from tasks.stage_task import stage_task
from tasks.tables import show_table


def _publish(artifact: Artifact) -> None:
    show_table("groups", "Patches of one slide or place", [artifact.figures])


group_patches = stage_task(groups, "group patches", publish=_publish)
