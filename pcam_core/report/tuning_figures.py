"""Figures of the search for hyperparameters; each takes its trials and returns a Figure."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from pcam_core.report.hyperparameter_importance import Importance
from pcam_core.report.model_figures import readable
from pcam_core.report.palette import INK, SERIES, canvas, legend_above, name_axes, write_beside

_COLUMNS = 3
_FEW = 4  # values up to so many stand side by side, however far apart
_FAR = 20  # a range this many times its lower end is drawn on a logarithmic scale


def parallel_coordinates(longest: pd.DataFrame, varied: list[str], objective: str) -> Figure:
    """Draw a line a configuration through its hyperparameters, from top to bottom, to its score.

    Args:
        longest: The longest trial of each configuration, best first.
        varied: Hyperparameters to draw.
        objective: Name of the score, as "val_auc".
    """
    # What some configurations lack comes first, so that every line ends at its score unbroken.
    varied = sorted(varied, key=lambda name: longest[name].count())
    rows = [*varied, "score"]
    figure, (axes,) = canvas(height=0.9 + 0.46 * len(rows))
    places, ends = zip(*(_places(longest[name]) for name in rows), strict=True)
    across = np.column_stack(places)
    down = np.arange(len(rows))
    good = max(len(longest) // 4, 1)
    drawn: set[str] = set()
    for number in range(len(longest)):
        rank = "best" if number == 0 else "best quarter" if number < good else "others"
        colour = SERIES[0] if rank == "others" else SERIES[1]
        strength, width = {"best": (1, 2.6), "best quarter": (0.65, 1.4), "others": (0.4, 1)}[rank]
        axes.plot(
            across[number], down, "o-", color=colour, alpha=strength, linewidth=width, markersize=3,
            label=rank if rank not in drawn else None, zorder=2 + strength,
        )  # fmt: skip
        drawn.add(rank)
    for row, (low, high) in enumerate(ends):
        for place, side, text in ((0, "left", low), (1, "right", high)):
            axes.annotate(
                text, (place, row), (0, 5), textcoords="offset points", ha=side, va="bottom",
                color=INK, fontsize=8.5, alpha=0.8,
            )  # fmt: skip
    axes.set_yticks(down, [*map(_words, varied), readable(objective)])
    axes.set_xticks([])
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(len(rows) - 0.7, -0.7)
    axes.spines["bottom"].set_visible(False)
    legend_above(axes)
    return figure


def slices(completed: pd.DataFrame, varied: list[str], objective: str) -> Figure:
    """Draw every trial's score over each hyperparameter, larger dots for more epochs.

    Args:
        completed: Trials that have a score, best first.
        varied: Hyperparameters, a panel each.
        objective: Name of the score, as "val_auc".
    """
    columns = 2 if len(varied) == 4 else min(_COLUMNS, len(varied))
    rows = -(-len(varied) // columns)
    figure, panels = canvas(columns, height=0.4 + 1.65 * rows, rows=rows)
    area = 10 + 50 * completed["epochs"] / completed["epochs"].max()
    for number, (axes, name) in enumerate(zip(panels, varied, strict=False)):
        values = completed[name]
        shown = values.notna().to_numpy()
        few = values.nunique() <= _FEW or not pd.api.types.is_numeric_dtype(values)
        codes, names = pd.factorize(values, sort=True)
        x = pd.Series(codes, values.index) if few else values
        axes.scatter(
            x[shown], completed["score"][shown], s=area[shown], color=SERIES[0], alpha=0.5,
            linewidths=0,
        )  # fmt: skip
        if shown[0]:
            axes.scatter(
                x[:1], completed["score"][:1], s=area[:1] + 40, facecolors="none",
                edgecolors=SERIES[1], linewidths=1.8,
            )  # fmt: skip
        if few:
            axes.set_xticks(range(len(names)), [_short(value) for value in names])
        elif _logarithmic(values):
            axes.set_xscale("log")
        axes.xaxis.set_tick_params(which="minor", labelbottom=False)
        axes.margins(x=0.15, y=0.12)
        if number % columns:
            axes.sharey(panels[0])
            axes.tick_params(labelleft=False)
        name_axes(axes, _words(name), "" if number % columns else readable(objective))
        axes.xaxis.label.set_fontsize(9)
        axes.yaxis.label.set_fontsize(9)
        axes.tick_params(labelsize=8.5)
    for axes in panels[len(varied) :]:
        axes.set_visible(False)
    return figure


def importance_bars(found: Importance) -> Figure:
    """Draw a bar a hyperparameter, the most important one on top."""
    values = found.values
    figure, (axes,) = canvas(height=0.8 + 0.32 * len(values))
    axes.barh(range(len(values)), values, color=SERIES[0], height=0.65)
    for row, value in enumerate(values):
        write_beside(axes, value, row, f"{value:.2f}")
    axes.set_yticks(range(len(values)), [_words(str(name)) for name in values.index])
    axes.set_xlim(0, max(float(values.max()), 0.01) * 1.2)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    name_axes(axes, "rank correlation" if found.explained is None else "loss in R² when shuffled")
    return figure


def _places(values: "pd.Series[float]") -> tuple[npt.NDArray[np.float64], tuple[str, str]]:
    """Return places from 0 to 1 and what stands at the two ends."""
    if not pd.api.types.is_numeric_dtype(values):
        codes, names = pd.factorize(values, sort=True)
        return codes / max(len(names) - 1, 1), (str(names[0]), str(names[-1]))
    numbers = values.to_numpy(float)
    scaled = np.log(numbers) if _logarithmic(values) else numbers
    low, high = np.nanmin(scaled), np.nanmax(scaled)
    places = (scaled - low) / (high - low) if high > low else scaled * 0 + 0.5
    return np.asarray(places, float), (_short(values.min()), _short(values.max()))


def _logarithmic(values: "pd.Series[float]") -> bool:
    if not pd.api.types.is_numeric_dtype(values):
        return False
    return bool(values.min() > 0 and values.max() / values.min() >= _FAR)


def _short(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.3g}"


def _words(name: str) -> str:
    return name.replace("_", " ")
