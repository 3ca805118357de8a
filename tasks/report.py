"""Write the report."""

from prefect.artifacts import create_link_artifact, create_markdown_artifact

from pcam_core.artifact import Artifact
from pcam_core.stages.report import report
from tasks.stage_task import stage_task


def _publish(artifact: Artifact) -> None:
    page = artifact.path / "report.html"
    create_link_artifact(page.as_uri(), link_text="report.html", key="report")
    create_markdown_artifact(
        f"The report lies at `{page}`.", key="report-path", description="Where the report is"
    )


write_report = stage_task(report, "write the report", publish=_publish, tags=("output",))
