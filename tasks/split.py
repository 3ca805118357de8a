"""Give every patch its role."""

from pcam_core.artifact import Artifact
from pcam_core.stages.split import split
from tasks.stage_task import stage_task
from tasks.tables import show_table


def _publish(artifact: Artifact) -> None:
    figures = artifact.figures
    rows = [
        {"part": part, "patches": count}
        | {name: figures[name][part] for name in ("groups", "positive_share")}
        for part, count in figures["patches"].items()
    ]
    show_table("splits", "Parts that share no group", rows)


split_patches = stage_task(split, "split by group", publish=_publish)
