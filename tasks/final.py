"""Put the final model together."""

from pcam_core.artifact import Artifact
from pcam_core.stages.final import final
from tasks.stage_task import stage_task
from tasks.tables import show_table

_SHOWN = ("form", "views", "model", "others", "folds", "parameters")


def _publish(artifact: Artifact) -> None:
    figures = artifact.figures
    show_table("final-model", "The final model", [{name: figures[name] for name in _SHOWN}])


make_final = stage_task(final, "put the final model together", publish=_publish)
