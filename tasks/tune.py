"""Search the hyperparameters."""

from pcam_core.artifact import Artifact
from pcam_core.stages.tune import read_trials, tune
from tasks.stage_task import stage_task
from tasks.tables import show_table


def _publish(artifact: Artifact) -> None:
    trials = read_trials(artifact).to_dict("records")
    show_table("trials", "Hyperband's trials, best first", trials)


tune_model = stage_task(tune, "tune with Hyperband", publish=_publish)
