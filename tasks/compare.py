"""Compare the candidate models."""

from pcam_core.artifact import Artifact
from pcam_core.report.model_figures import comparison_bars
from pcam_core.stages.compare import compare
from tasks.pictures import show_picture
from tasks.stage_task import stage_task
from tasks.tables import show_table


def _publish(artifact: Artifact) -> None:
    rows = [
        {"model": name, "parameters": found["parameters"], "seconds": found["seconds"]}
        | found["mean"]
        for name, found in artifact.figures["models"].items()
    ]
    show_table("comparison", "Means over the folds", rows)
    show_picture("comparison-bars", "Models over the folds", comparison_bars(artifact))


compare_models = stage_task(compare, "compare models", publish=_publish)
