"""Figures on a task run's page."""

from matplotlib.figure import Figure
from prefect.artifacts import create_markdown_artifact

from pcam_core.report.embedding import png_data_uri


def show_picture(key: str, title: str, figure: Figure) -> None:
    """Show a figure as a Prefect artifact; the picture itself is part of the markdown."""
    create_markdown_artifact(
        f"## {title}\n\n![{title}]({png_data_uri(figure)})", key=key, description=title
    )
