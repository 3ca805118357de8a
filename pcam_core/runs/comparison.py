"""What differs between two runs."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict

from pcam_core.runs.record import RunRecord

Pair = tuple[Any, Any]


class Comparison(BaseModel):
    """Two runs side by side; a pair holds the first run's value and the second's.

    Attributes:
        runs: Their ids.
        settings: Dotted field to pair, where they differ; None stands for a field that is not set.
        data: "address" and "key" to pair, where they differ.
        code: Stages whose code differs.
        versions: Library to pair, where they differ.
        shared: Stages whose artifact both runs use.
        stages: Stage to pair of content keys, where they differ; None where a run has none.
        figures: Name to pair of everything that either run found.
        differences: Name to second minus first, for the numbers that both found.
    """

    model_config = ConfigDict(frozen=True)

    runs: tuple[str, str]
    settings: dict[str, Pair]
    data: dict[str, Pair]
    code: tuple[str, ...]
    versions: dict[str, Pair]
    shared: tuple[str, ...]
    stages: dict[str, Pair]
    figures: dict[str, Pair]
    differences: dict[str, float]


def compare(first: RunRecord, second: RunRecord) -> Comparison:
    """Compare two runs by what their records say."""
    runs = (first, second)
    stages = _pairs(*({artifact.stage: artifact.key for artifact in r.artifacts} for r in runs))
    figures = _pairs(*(r.figures.model_dump() if r.figures else {} for r in runs))
    return Comparison(
        runs=(first.id, second.id),
        settings=_unequal(_pairs(*(dict(dotted(r.settings)) for r in runs))),
        data=_unequal(_pairs(*({"address": r.data, "key": r.data_key} for r in runs))),
        code=tuple(_unequal(_pairs(*(r.code for r in runs)))),
        versions=_unequal(_pairs(*(r.versions for r in runs))),
        shared=tuple(name for name, (a, b) in stages.items() if a == b),
        stages=_unequal(stages),
        figures=figures,
        differences={
            name: b - a
            for name, (a, b) in figures.items()
            if isinstance(a, float) and isinstance(b, float)
        },
    )


def _pairs(first: Mapping[str, Any], second: Mapping[str, Any]) -> dict[str, Pair]:
    return {name: (first.get(name), second.get(name)) for name in {**first, **second}}


def _unequal(pairs: Mapping[str, Pair]) -> dict[str, Pair]:
    return {name: (a, b) for name, (a, b) in pairs.items() if a != b}


def dotted(settings: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the name and value of every setting of a nest, as ("final.training.epochs", 3)."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from dotted(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
