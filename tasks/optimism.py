"""Price the notebook's way of evaluating."""

from pcam_core.artifact import Artifact
from pcam_core.stages.optimism import optimism
from tasks.stage_task import stage_task
from tasks.tables import show_table


def _publish(artifact: Artifact) -> None:
    rows = [
        {"measured on": claim, "threshold": found["threshold"], **found["scores"]}
        for claim, found in artifact.figures.items()
        if "scores" in found
    ]
    show_table("optimism", "What the notebook's way would have claimed of this model", rows)


price_optimism = stage_task(optimism, "price the notebook's way", publish=_publish)
