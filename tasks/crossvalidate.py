"""Cross-validate the tuned model."""

import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.report.model_figures import learning_curves
from pcam_core.stages.crossvalidate import crossvalidate
from tasks.pictures import show_picture
from tasks.stage_task import stage_task
from tasks.tables import show_table


def _publish(artifact: Artifact) -> None:
    rows = [{"fold": number, **found} for number, found in enumerate(artifact.figures["folds"], 1)]
    show_table("folds", "Scores at .5 of every fold", rows)
    histories = pd.read_csv(artifact.path / "histories.csv")
    curves = learning_curves(histories, "val_auc", "fold")
    show_picture("fold-curves", "Learning curves of the folds", curves)


crossvalidate_model = stage_task(crossvalidate, "cross-validate", publish=_publish)
