"""Describe the final model."""

from prefect.artifacts import create_markdown_artifact

from pcam_core.artifact import Artifact
from pcam_core.stages.model_card import CARD, model_card
from tasks.stage_task import stage_task


def _publish(artifact: Artifact) -> None:
    create_markdown_artifact(
        (artifact.path / CARD).read_text(encoding="utf-8"), key="model-card", description="The card"
    )


describe_model = stage_task(model_card, "describe the model", publish=_publish)
