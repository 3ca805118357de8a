"""Chapters in order, in one HTML text that loads nothing."""

from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from pcam_core.report.blocks import Chapter


def lay_out(template: str, chapters: Sequence[Chapter], **values: Any) -> str:
    """Return the HTML of a page. Equal arguments give equal text.

    Args:
        template: Name of a file beside this one.
        chapters: What the page shows below its head.
        values: What the template's head shows.
    """
    environment = Environment(
        loader=PackageLoader("pcam_core", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = environment.get_template("report.css").render()
    return environment.get_template(template).render(
        chapters=chapters,
        style=Markup(style),  # noqa: S704 - the package's own file
        **values,
    )
