"""Search the hyperparameters."""

import pandas as pd
from prefect.artifacts import create_table_artifact

from pcam_core.artifact import Artifact
from pcam_core.stages.tune import tune
from tasks.stage_task import stage_task


def _publish(artifact: Artifact) -> None:
    trials = pd.read_csv(artifact.path / "trials.csv")
    filled = trials.astype(object).where(trials.notna(), None)
    rows = {str(name): list(column) for name, column in filled.items()}
    create_table_artifact(rows, key="trials", description="Hyperband's trials, best first")


tune_model = stage_task(tune, "tune with Hyperband", publish=_publish, tags=("training", "gpu"))
