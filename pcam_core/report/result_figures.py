"""Figures of probabilities against labels; tables have columns label (0, 1) and probability."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from sklearn import metrics

from pcam_core.artifact import Artifact
from pcam_core.report.palette import (
    CLASS_COLOURS,
    CLASS_NAMES,
    INK,
    SERIES,
    canvas,
    legend,
    legend_above,
    name_axes,
    write,
)

_POINTS = 400  # a curve of a million patches would make the page slow


def roc(tables: Mapping[str, pd.DataFrame]) -> Figure:
    """Draw one ROC curve a table, with its name and area in the legend."""
    figure, (axes,) = canvas(height=3.9)
    for number, (name, table) in enumerate(tables.items()):
        false, true, _ = metrics.roc_curve(table["label"], table["probability"])
        area = metrics.auc(false, true)
        kept = _thinned(len(false))
        colour = SERIES[number % len(SERIES)]
        axes.plot(false[kept], true[kept], color=colour, label=f"{name}: {area:.3f}", linewidth=1.8)
    axes.plot((0, 1), (0, 1), color=INK, alpha=0.4, linestyle=":", label="guessing: 0.500")
    _unit_square(axes)
    name_axes(axes, "false positive rate", "true positive rate (recall)")
    legend(axes, loc="lower right")
    return figure


def precision_recall(table: pd.DataFrame, threshold: float) -> Figure:
    """Draw precision over recall, with the points of .5 and of `threshold`."""
    precision, recall, thresholds = metrics.precision_recall_curve(
        table["label"], table["probability"]
    )
    kept = _thinned(len(recall))
    figure, (axes,) = canvas(height=3.9)
    axes.plot(recall[kept], precision[kept], color=SERIES[0], linewidth=1.8)
    for at, colour, name in ((0.5, SERIES[2], "at .5"), (threshold, SERIES[1], "at the threshold")):
        point = min(int(np.searchsorted(thresholds, at)), len(thresholds) - 1)
        axes.plot(recall[point], precision[point], "o", color=colour, markersize=8, label=name)
    share = float(table["label"].mean())
    axes.axhline(share, color=INK, alpha=0.4, linestyle=":", label=f"guessing: {share:.3f}")
    _unit_square(axes)
    name_axes(axes, "recall", "precision")
    legend(axes, loc="lower left")
    return figure


def score_histogram(table: pd.DataFrame, threshold: float) -> Figure:
    """Draw how the probabilities of each class are spread, with the threshold marked."""
    figure, (axes,) = canvas(height=2.9)
    for label, colour in enumerate(CLASS_COLOURS):
        axes.hist(
            table.loc[table["label"] == label, "probability"],
            bins=np.linspace(0, 1, 31),
            color=colour,
            alpha=0.6,
            label=CLASS_NAMES[label],
        )
    _mark(axes, threshold)
    axes.set_xlim(0, 1)
    name_axes(axes, "probability of tumour", "patches")
    legend_above(axes)
    return figure


def reliability(table: pd.DataFrame) -> Figure:
    """Draw the share of tumour patches over the mean probability, in ten bins of equal count."""
    found = reliability_bins(table)
    figure, (axes,) = canvas(height=3.9)
    axes.plot((0, 1), (0, 1), color=INK, alpha=0.4, linestyle=":", label="perfectly calibrated")
    axes.plot(
        found["probability"], found["label"], "o-", color=SERIES[0], markersize=5, label="observed"
    )
    _unit_square(axes)
    name_axes(axes, "mean probability in the bin", "share of tumour patches")
    legend(axes, loc="upper left")
    return figure


def reliability_bins(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean label and probability (both 0..1) of at most ten bins of equal count."""
    bins = np.arange(len(table)) * min(10, len(table)) // len(table)
    ordered = table.sort_values("probability")[["label", "probability"]]
    return ordered.groupby(bins).mean()


def threshold_curve(decision: Artifact) -> Figure:
    """Draw F1, precision and recall of the calibration part over the threshold."""
    table = pd.read_csv(decision.path / "predictions.csv", dtype={"id": str})
    precision, recall, thresholds = metrics.precision_recall_curve(
        table["label"], table["probability"]
    )
    precision, recall = precision[:-1], recall[:-1]
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    kept = _thinned(len(thresholds), at=int(np.argmax(f1)))
    figure, (axes,) = canvas(height=3.1)
    for values, colour, name, width in (
        (precision, SERIES[2], "precision", 1.2),
        (recall, SERIES[3], "recall", 1.2),
        (f1, SERIES[0], "F1", 2.2),
    ):
        axes.plot(thresholds[kept], values[kept], color=colour, label=name, linewidth=width)
    _mark(axes, decision.figures["threshold"])
    axes.set_ylim(0, 1.02)
    name_axes(axes, "threshold", "score on the calibration part")
    legend_above(axes)
    return figure


def confusion_matrices(evaluation: Artifact) -> Figure:
    """Draw the counts of the held-out test at .5 and at the threshold."""
    figure, panels = canvas(columns=2, height=2.7)
    for axes, name in zip(panels, ("at_half", "at_threshold"), strict=True):
        found = evaluation.figures[name]
        counts = np.array([[found["confusion"][cell] for cell in row] for row in _CELLS])
        _matrix(axes, counts)
        name_axes(axes, "called", "truth", f"threshold {found['threshold']:.3f}")
    panels[1].set_ylabel("")
    return figure


_CELLS = (("tn", "fp"), ("fn", "tp"))


def _matrix(axes: Any, counts: npt.NDArray[np.int64]) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    for row in (0, 1):
        for column in (0, 1):
            colour = CLASS_COLOURS[0] if row == column else CLASS_COLOURS[1]
            strength = 0.08 + 0.5 * shares[row, column]
            square = Rectangle((column, row), 1, 1, facecolor=colour, alpha=strength, linewidth=0)
            axes.add_patch(square)
            text = f"{counts[row, column]:,}\n{shares[row, column]:.0%}"
            write(axes, column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=10)
    axes.set(xlim=(0, 2), ylim=(2, 0), aspect="equal")
    axes.grid(visible=False)
    axes.set_xticks((0.5, 1.5), CLASS_NAMES)
    axes.set_yticks((0.5, 1.5), CLASS_NAMES, rotation=90, va="center")
    axes.tick_params(length=0)


def unlabelled_histogram(predictions: Artifact, threshold: float) -> Figure:
    """Draw how the probabilities of the unlabelled test patches are spread."""
    table = pd.read_csv(predictions.path / "predictions.csv", dtype={"id": str})
    figure, (axes,) = canvas(height=2.7)
    axes.hist(table["probability"], bins=np.linspace(0, 1, 31), color=SERIES[0], alpha=0.8)
    _mark(axes, threshold)
    axes.set_xlim(0, 1)
    name_axes(axes, "probability of tumour", "test patches")
    legend_above(axes)
    return figure


def _thinned(points: int, at: int = 0) -> npt.NDArray[np.int64]:
    kept = np.linspace(0, points - 1, min(points, _POINTS)).astype(np.int64)
    return np.union1d(kept, [at])


def _unit_square(axes: Any) -> None:
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")


def _mark(axes: Any, threshold: float) -> None:
    axes.axvline(
        threshold, color=INK, linestyle="--", linewidth=1.2, label=f"threshold {threshold:.3f}"
    )
