"""Figures of artifacts as metrics of MLflow."""

import re
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.stages.single import HISTORY
from pcam_core.training.epochs import EpochEnd

if TYPE_CHECKING:
    from mlflow.entities import Metric


def recorded_epochs(artifacts: Mapping[str, Artifact]) -> Iterator[EpochEnd]:
    """Yield all epochs as the artifacts keep them, in the words in which they were told."""
    if "single" in artifacts:
        trained = pd.read_csv(artifacts["single"].path / HISTORY)
        for model, history in trained.groupby("model"):
            yield from _epochs(history, f"Final training of {model}")
    for stage, verb in (("compare", "Compare"), ("crossvalidate", "Cross-validate")):
        histories = pd.read_csv(artifacts[stage].path / "histories.csv")
        folds = histories["fold"].nunique()
        for (name, fold), history in histories.groupby(["model", "fold"]):
            yield from _epochs(history, f"{verb} {name}, fold {int(str(fold)) + 1} of {folds}")


def _epochs(history: pd.DataFrame, what: str) -> Iterator[EpochEnd]:
    figures = history.drop(columns=["epoch", "model", "fold"], errors="ignore")
    for epoch, row in zip(history["epoch"], figures.to_dict("records"), strict=True):
        yield EpochEnd(what, int(epoch), {str(name): value for name, value in row.items()})


def numbers(figures: Any, name: str = "") -> Iterator[tuple[str, float]]:
    """Yield every number of a nest; of an interval its ends, as "low" and "high"."""
    if isinstance(figures, Mapping):
        for key, value in figures.items():
            yield from numbers(value, f"{name}.{key}" if name else str(key))
    elif isinstance(figures, list):
        pair = len(figures) == 2 and all(isinstance(value, float) for value in figures)
        names = ("low", "high") if pair else map(str, range(1, len(figures) + 1))
        for key, value in zip(names, figures, strict=True):
            yield from numbers(value, f"{name}.{key}")
    elif isinstance(figures, int | float) and not isinstance(figures, bool):
        yield name, float(figures)


def metric(name: str, value: float, step: int = 0) -> "Metric":
    """Return a metric as MLflow takes it, of this moment."""
    from mlflow.entities import Metric

    # MLflow takes no other characters.
    return Metric(re.sub(r"[^\w\-. /:]", "", name), float(value), int(time.time() * 1000), step)
