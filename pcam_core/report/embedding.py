"""Figures and pixels as text that stands inside a page: inline SVG and PNG data URIs."""

import base64
import io
import re

import numpy as np
import numpy.typing as npt
from markupsafe import Markup, escape
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from PIL import Image

from pcam_core.report.palette import INK

_RESOLUTIONS = (160, 120, 96, 72, 48, 30)


def inline_svg(figure: Figure, name: str, alt: str) -> Markup:
    """Return `figure` as an SVG element whose text and axes take the page's text colour.

    Equal figures give equal text.

    Args:
        figure: Drawn with the colours of `pcam_core.report.palette`.
        name: Prefix of every id inside, unique on the page: letters, digits and "-".
        alt: What a screen reader says of the figure.
    """
    buffer = io.StringIO()
    with rc_context({"svg.hashsalt": name, "svg.fonttype": "none"}):
        nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
        FigureCanvasSVG(figure).print_svg(buffer, metadata=nothing)
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    svg = re.sub(r'(?:xlink:)?href="#([^"]+)"', rf'href="#{name}-\1"', svg)
    svg = svg.replace(INK, "currentColor")
    opening = re.search(r'viewBox="[^"]+"', svg)
    assert opening is not None
    element = f'<svg role="img" aria-label="{escape(alt)}" {opening.group()}>'
    # matplotlib has escaped whatever text was drawn.
    return Markup(element + svg[svg.index(">") + 1 :].strip())  # noqa: S704


def png_data_uri(figure: Figure, max_bytes: int = 300_000) -> str:
    """Return `figure` on white as a PNG data URI, as sharp as `max_bytes` allows.

    Raises:
        ValueError: Even the coarsest picture is larger than `max_bytes`.
    """
    for resolution in _RESOLUTIONS:
        buffer = io.BytesIO()
        FigureCanvasAgg(figure)
        figure.savefig(
            buffer, format="png", dpi=resolution, facecolor="white", metadata={"Software": None}
        )
        uri = _data_uri(buffer.getvalue())
        if len(uri) <= max_bytes:
            return uri
    raise ValueError(f"The figure takes {len(uri)} bytes as a PNG, more than {max_bytes}.")


def pixels_data_uri(pixels: npt.NDArray[np.uint8]) -> str:
    """Return uint8 pixels (height, width, 3), RGB, 0..255, as a PNG data URI."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", optimize=True)
    return _data_uri(buffer.getvalue())


def _data_uri(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"
