"""Choose the threshold and calibrate."""

from pcam_core.artifact import Artifact
from pcam_core.report.result_figures import threshold_curve
from pcam_core.stages.threshold import threshold
from tasks.pictures import show_picture
from tasks.stage_task import stage_task
from tasks.tables import show_table


def _publish(artifact: Artifact) -> None:
    figures = artifact.figures
    rows = [
        {"threshold": at, **figures[name]}
        for name, at in (("at_half", 0.5), ("at_threshold", figures["threshold"]))
    ]
    show_table("threshold", f"Chosen by {figures['rule']}, not on the test", rows)
    show_picture("threshold-curve", "Scores over the threshold", threshold_curve(artifact))


choose_threshold = stage_task(threshold, "choose the threshold", publish=_publish)
