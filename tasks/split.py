"""Give every patch its role."""

from prefect.artifacts import create_table_artifact

from pcam_core.artifact import Artifact
from pcam_core.stages.split import split
from tasks.stage_task import stage_task


def _publish(artifact: Artifact) -> None:
    figures = artifact.figures
    rows = [
        {"part": part, "patches": count}
        | {name: figures[name][part] for name in ("groups", "positive_share")}
        for part, count in figures["patches"].items()
    ]
    create_table_artifact(rows, key="splits", description="Parts that share no group")


split_patches = stage_task(split, "split by group", publish=_publish, tags=("data",))
