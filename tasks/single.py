"""Train the model that no fold is left out of."""

from pcam_core.artifact import Artifact
from pcam_core.report.model_figures import final_curve
from pcam_core.stages.single import single
from tasks.pictures import show_picture
from tasks.stage_task import stage_task


def _publish(artifact: Artifact) -> None:
    show_picture("final-curve", "Final training", final_curve(artifact, "val_auc"))


train_single = stage_task(single, "train the single model", publish=_publish)
