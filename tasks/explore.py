"""Measure and show the data."""

from pcam_core.artifact import Artifact
from pcam_core.report.exploration_figures import (
    classes,
    mean_patches,
    pixel_histogram,
    stain_by_class,
)
from pcam_core.report.shift_figures import TISSUE, train_against_test
from pcam_core.stages.explore import explore, read_measures
from tasks.pictures import show_picture
from tasks.stage_task import stage_task


def _publish(artifact: Artifact) -> None:
    patches = read_measures(artifact)
    show_picture("classes", "Class balance", classes(artifact))
    show_picture("mean-patches", "Mean patch by class", mean_patches(artifact))
    show_picture("pixels", "Pixel intensity by class", pixel_histogram(artifact))
    show_picture("stain", "Optical density by stain", stain_by_class(patches))
    if (patches["part"] == "test").any():
        show_picture("parts", "Training against test", train_against_test(patches, TISSUE))


explore_data = stage_task(explore, "explore data", publish=_publish)
