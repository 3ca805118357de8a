"""Search the hyperparameters."""

import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.stages.tune import tune
from tasks.stage_task import stage_task
from tasks.tables import show_table


def _publish(artifact: Artifact) -> None:
    trials = pd.read_csv(artifact.path / "trials.csv")
    show_table("trials", "Hyperband's trials, best first", trials.to_dict("records"))


tune_model = stage_task(tune, "tune with Hyperband", publish=_publish, tags=("training", "gpu"))
