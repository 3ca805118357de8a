"""Figures of the trainings; each takes artifacts or histories and returns a Figure."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from pcam_core.artifact import Artifact
from pcam_core.report.palette import INK, SERIES, canvas, legend, name_axes, write, write_beside
from pcam_core.units import duration


def comparison_bars(comparison: Artifact) -> Figure:
    """Draw each model's mean accuracy (at .5) and AUC over the folds, with a dot a fold."""
    models: dict[str, Any] = comparison.figures["models"]
    names = list(models)
    figure, panels = canvas(columns=2, height=0.9 + 0.55 * len(names))
    for axes, score, title in zip(
        panels, ("accuracy", "auc"), ("accuracy at .5", "AUC"), strict=True
    ):
        for row, name in enumerate(names):
            mean = models[name]["mean"][score]
            axes.barh(row, mean, color=SERIES[row % len(SERIES)], height=0.6, alpha=0.65)
            folds = [fold[score] for fold in models[name]["folds"]]
            axes.plot(folds, [row] * len(folds), "o", color=INK, markersize=4, alpha=0.75)
            write(axes, 0.03, row, f"{mean:.3f}", va="center", transform=axes.get_yaxis_transform())
        axes.set_xlim(0, 1)
        axes.set_xticks((0, 0.5, 1))
        axes.set_yticks(range(len(names)), names if score == "accuracy" else [""] * len(names))
        axes.invert_yaxis()
        axes.grid(visible=False, axis="y")
        name_axes(axes, title)
    return figure


def learning_curves(histories: pd.DataFrame, figure_name: str, by: str) -> Figure:
    """Draw one figure over the epochs, a line a fold and a colour a value of `by`.

    Args:
        histories: Columns epoch (from 1), fold, `figure_name` and `by`.
        figure_name: Column to draw, as "val_auc".
        by: Column whose values get colours, as "model" or "fold".
    """
    figure, (axes,) = canvas(height=2.9)
    values = list(dict.fromkeys(histories[by].tolist()))
    for number, value in enumerate(values):
        label: str | None = _curve_name(value, by)
        for _, rows in histories[histories[by] == value].groupby("fold", sort=True):
            axes.plot(
                rows["epoch"],
                rows[figure_name],
                "o-",
                color=SERIES[number % len(SERIES)],
                markersize=3.5,
                linewidth=1.5,
                label=label,
            )
            label = None
    axes.set_xlim(0.7, histories["epoch"].max() + 0.3)
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    name_axes(axes, "epoch", readable(figure_name))
    legend(axes, loc="best")
    return figure


def final_curve(model: Artifact, watch: str) -> Figure:
    """Draw loss and the watched figure of the tuned model's training, with its best epoch marked.

    Args:
        model: Artifact of `single`, or of `final` with a single model.
        watch: "val_loss", "val_f1" or "val_auc"; loss is joined by AUC for "val_loss".
    """
    history = pd.read_csv(model.path / "history.csv")
    history = history[history["model"] == history["model"].iloc[0]]
    second = "auc" if watch == "val_loss" else watch.removeprefix("val_")
    figure, panels = canvas(columns=2, height=2.7)
    best = model.figures["best_epoch"]
    for axes, name in zip(panels, ("loss", second), strict=True):
        for column, colour, label in (
            (name, SERIES[0], "training"),
            (f"val_{name}", SERIES[1], "validation"),
        ):
            axes.plot(
                history["epoch"], history[column], "o-", color=colour, label=label, markersize=3
            )
        axes.axvline(best, color=INK, alpha=0.6, linestyle="--", linewidth=1.2)
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        name_axes(axes, "epoch", title=readable(name))
    legend(panels[0], loc="best")
    return figure


def stage_seconds(artifacts: list[Artifact]) -> Figure:
    """Draw how long each stage took, in the order given."""
    figure, (axes,) = canvas(height=0.7 + 0.26 * len(artifacts))
    seconds = [artifact.seconds for artifact in artifacts]
    axes.barh(range(len(seconds)), seconds, color=SERIES[0], height=0.65)
    for row, value in enumerate(seconds):
        write_beside(axes, value, row, duration(value))
    axes.set_yticks(range(len(seconds)), [artifact.stage for artifact in artifacts])
    axes.set_xlim(0, max(*seconds, 0.001) * 1.25)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    name_axes(axes, "seconds")
    return figure


def readable(figure_name: str) -> str:
    """Return a figure's name in words, as "validation AUC" for "val_auc"."""
    rest = figure_name.removeprefix("val_")
    words = {"auc": "AUC", "f1": "F1"}.get(rest, rest)
    return f"validation {words}" if figure_name.startswith("val_") else words


def _curve_name(value: Any, by: str) -> str:
    return f"fold {int(value) + 1}" if by == "fold" else str(value)
