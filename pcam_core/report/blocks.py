"""The parts that a report's page is laid out from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from markupsafe import Markup
from matplotlib.figure import Figure

from pcam_core.report.embedding import inline_svg

Tone = Literal["good", "warn", "bad"]


@dataclass(frozen=True)
class Badge:
    """A coloured word in a table."""

    text: str
    tone: Tone


Cell = str | Badge


@dataclass(frozen=True)
class Heading:
    """A heading within a chapter."""

    text: str
    kind: ClassVar[str] = "heading"


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str
    kind: ClassVar[str] = "text"


@dataclass(frozen=True)
class Note:
    """A paragraph that stands out."""

    text: str
    tone: Tone = "warn"
    kind: ClassVar[str] = "note"


@dataclass(frozen=True)
class Command:
    """What to type into a shell."""

    text: str
    kind: ClassVar[str] = "command"


@dataclass(frozen=True)
class Points:
    """A list of sentences, each with a few words in bold before it."""

    points: Sequence[tuple[str, str]]
    kind: ClassVar[str] = "points"


@dataclass(frozen=True)
class Table:
    """A table whose cells are aligned by `align`: one "l" or "r" a column.

    A `folded` one shows only its title until it is opened.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    align: str
    caption: str = ""
    folded: bool = False
    kind: ClassVar[str] = "table"


@dataclass(frozen=True)
class Picture:
    """A figure as SVG, with a title and one sentence that says what to see."""

    title: str
    svg: Markup
    caption: str
    kind: ClassVar[str] = "picture"


@dataclass(frozen=True)
class Row:
    """Pictures side by side where there is room."""

    pictures: Sequence[Picture]
    kind: ClassVar[str] = "row"


@dataclass(frozen=True)
class Strip:
    """Small patches in a row: PNG data URIs with what each shows, and a tone for the label.

    `notes` are short texts below the images: one each, or none. Pixels are shown as squares unless
    `smooth`.
    """

    label: str
    images: Sequence[tuple[str, str]]
    tone: Literal["normal", "tumour", "plain"] = "plain"
    notes: Sequence[str] = ()
    smooth: bool = False


@dataclass(frozen=True)
class Gallery:
    """Strips of patches; `marked` frames the middle third of each."""

    title: str
    strips: Sequence[Strip]
    caption: str
    marked: bool = False
    kind: ClassVar[str] = "gallery"


@dataclass(frozen=True)
class Specimen:
    """One patch: its PNG data URI, "" where it has no picture, its name and a few words."""

    image: str
    name: str
    detail: str


@dataclass(frozen=True)
class Specimens:
    """Named patches beside each other; `more` says where the others are told of."""

    title: str
    caption: str
    specimens: Sequence[Specimen]
    more: str = ""
    kind: ClassVar[str] = "specimens"


Block = Heading | Text | Note | Command | Points | Table | Picture | Row | Gallery | Specimens


@dataclass(frozen=True)
class Chapter:
    """One entry of the navigation."""

    name: str
    title: str
    blocks: Sequence[Block]


def picture(name: str, title: str, figure: Figure, caption: str) -> Picture:
    """Make a picture; its caption is also what a screen reader says.

    Args:
        name: Unique on the page: letters, digits and "-".
        title: Its heading.
        figure: What is drawn.
        caption: One sentence.
    """
    return Picture(title, inline_svg(figure, name, f"{title}. {caption}"), caption)
