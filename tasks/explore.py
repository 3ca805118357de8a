"""Measure and show the data."""

from pcam_core.artifact import Artifact
from pcam_core.report.exploration_figures import classes, pixel_histogram
from pcam_core.stages.explore import explore
from tasks.pictures import show_picture
from tasks.stage_task import stage_task


def _publish(artifact: Artifact) -> None:
    show_picture("classes", "Class balance", classes(artifact))
    show_picture("pixels", "Pixel intensity by class", pixel_histogram(artifact))


explore_data = stage_task(explore, "explore data", publish=_publish, tags=("data",))
