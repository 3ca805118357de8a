"""The look of every figure: colours that read on light and dark, sizes and axes."""

from typing import Any

from matplotlib.figure import Figure

INK = "#010203"  # stands for the page's text colour, which light and dark set differently
NORMAL = "#2e86c1"
TUMOUR = "#d55e00"
SERIES = (NORMAL, TUMOUR, "#139a74", "#b266a6", "#b9850a", "#7d8590")
CLASS_COLOURS = (NORMAL, TUMOUR)
CLASS_NAMES = ("no tumour", "tumour")

WIDTH, HEIGHT = 4.7, 3.3
_TEXT = 10


def canvas(columns: int = 1, height: float = HEIGHT, rows: int = 1) -> tuple[Figure, list[Any]]:
    """Return a figure 4.7 inches wide and its styled axes, row by row.

    Every figure is as wide as a phone, so that its text keeps its size everywhere.

    Args:
        columns: Axes side by side.
        height: Inches.
        rows: Axes above each other.
    """
    figure = Figure(figsize=(WIDTH, height), layout="constrained", facecolor="none")
    axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
    for each in axes:
        _style(each)
    return figure, axes


def name_axes(axes: Any, x: str, y: str = "", title: str = "") -> None:
    """Write what the axes show."""
    axes.set_xlabel(x, color=INK, fontsize=_TEXT)
    axes.set_ylabel(y, color=INK, fontsize=_TEXT)
    if title:
        axes.set_title(title, color=INK, fontsize=_TEXT + 0.5, loc="left")


def legend(axes: Any, **options: Any) -> None:
    """Add a frameless legend."""
    axes.legend(frameon=False, labelcolor=INK, fontsize=_TEXT - 1, **options)


def legend_above(axes: Any) -> None:
    """Add a legend of one line above the axes, where it hides nothing."""
    legend(
        axes, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, ncols=4, handlelength=1.4
    )


def write(axes: Any, x: float, y: float, text: str, **options: Any) -> None:
    """Write `text` at data coordinates."""
    axes.text(x, y, text, **{"color": INK, "fontsize": _TEXT - 0.5, **options})


def write_beside(axes: Any, x: float, y: float, text: str) -> None:
    """Write `text` just right of data coordinates, as at a bar's end."""
    axes.annotate(
        text, (x, y), (4, 0), textcoords="offset points", va="center", color=INK,
        fontsize=_TEXT - 0.5,
    )  # fmt: skip


def _style(axes: Any) -> None:
    axes.set_facecolor("none")
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(INK)
        spine.set_alpha(0.4)
    axes.tick_params(which="both", color=INK, labelcolor=INK, labelsize=_TEXT - 0.5, length=3)
    axes.grid(visible=True, color=INK, alpha=0.12, linewidth=0.7)
    axes.set_axisbelow(True)
