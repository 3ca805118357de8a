"""Write the report."""

from prefect.artifacts import create_markdown_artifact

from pcam_core.artifact import Artifact
from pcam_core.stages.report import REPORT, report
from tasks.stage_task import stage_task


def _publish(artifact: Artifact) -> None:
    page = artifact.path / REPORT
    # A browser opens no file that a page of a server links to.
    create_markdown_artifact(f"`{page}`", key="report", description=f"It lies at {page}")


write_report = stage_task(report, "write the report", publish=_publish)
