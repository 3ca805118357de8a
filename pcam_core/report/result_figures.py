"""Figures of probabilities against labels; tables have columns label (0, 1) and probability."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from sklearn import metrics

from pcam_core.artifact import Artifact
from pcam_core.cuts import cuts
from pcam_core.decision.reliability import reliability_bins
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
from pcam_core.stages.evaluate import read_slides

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
        place = recall[point], precision[point]
        axes.plot(*place, "o", color=colour, markersize=8, label=name, clip_on=False, zorder=3)
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
    """Draw the share of tumour over the probability, before and after calibration, in ten bins.

    Args:
        table: A column calibrated_probability besides.
    """
    figure, (axes,) = canvas(height=3.9)
    axes.plot((0, 1), (0, 1), color=INK, alpha=0.4, linestyle=":", label="perfectly calibrated")
    before, after = SERIES[5], SERIES[0]
    for column, colour, name in (
        ("probability", before, "the model's own"),
        ("calibrated_probability", after, "calibrated"),
    ):
        found = reliability_bins(table["label"].to_numpy(), table[column].to_numpy())
        places = found["probability"], found["label"]
        axes.plot(*places, color=colour, linewidth=1.6, label=name)
        axes.scatter(*places, s=_areas(found["patches"]), color=colour, linewidth=0)
    _unit_square(axes)
    name_axes(axes, "mean probability in the bin", "share of tumour patches")
    legend(axes, loc="upper left")
    return figure


def slide_accuracies(evaluation: Artifact) -> Figure:
    """Draw the accuracy at the threshold of each known slide, the worst first."""
    table = read_slides(evaluation)
    overall = evaluation.figures["at_threshold"]["scores"]["accuracy"]
    figure, (axes,) = canvas(height=3.1)
    places = np.arange(1, len(table) + 1)
    axes.axhline(overall, color=INK, alpha=0.6, linestyle="--", label=f"all patches: {overall:.3f}")
    axes.scatter(
        places, table["accuracy"], s=_areas(table["patches"]), color=SERIES[0], alpha=0.75,
        linewidth=0,
    )  # fmt: skip
    axes.set_ylim(min(0.5, float(table["accuracy"].min()) - 0.05), 1.03)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    name_axes(axes, "slides, from the worst to the best", "accuracy at the threshold")
    legend_above(axes)
    return figure


def threshold_curve(decision: Artifact) -> Figure:
    """Draw the scores of the deciding patches over the threshold, with its interval."""
    table = pd.read_csv(decision.path / "predictions.csv", dtype={"id": str})
    sample = cuts(table["label"].to_numpy(), table["probability"].to_numpy())
    tp, fp, positives = sample.tp, sample.fp, sample.positives
    at = decision.figures["threshold"]
    kept = _thinned(len(tp), at=int(np.argmin(np.abs(sample.thresholds - at))))[1:]
    figure, (axes,) = canvas(height=3.3)
    for values, colour, name, width in (
        (2 * tp / (tp + fp + positives), SERIES[0], "F1", 2.2),
        (tp / np.maximum(tp + fp, 1), SERIES[2], "precision", 1.2),
        (tp / positives, SERIES[3], "sensitivity", 1.2),
        (1 - fp / sample.negatives, SERIES[4], "specificity", 1.2),
    ):
        axes.plot(sample.thresholds[kept], values[kept], color=colour, label=name, linewidth=width)
    axes.axvspan(*decision.figures["interval"], color=INK, alpha=0.1, linewidth=0)
    axes.axvline(at, color=INK, linestyle="--", linewidth=1.2)
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    name_axes(axes, "threshold", "score on the patches that decide")
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


def _areas(patches: "pd.Series[int]") -> "pd.Series[float]":
    """Return the areas of dots, points squared, that grow with the number of patches."""
    return 12 + 90 * patches / patches.max()


def _unit_square(axes: Any) -> None:
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")


def _mark(axes: Any, threshold: float) -> None:
    axes.axvline(
        threshold, color=INK, linestyle="--", linewidth=1.2, label=f"threshold {threshold:.3f}"
    )
