"""Draw the next version of the hold-out."""

from pcam_core.artifact import Artifact
from pcam_core.stages.hold_out import hold_out
from tasks.stage_task import stage_task
from tasks.tables import show_table


def _publish(artifact: Artifact) -> None:
    show_table("hold-out", "What models compete on, and none is trained on", [artifact.figures])


draw_hold_out = stage_task(hold_out, "draw the hold-out", publish=_publish)
