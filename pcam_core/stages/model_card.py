"""Describe the final model: a JSON that goes wherever it goes, and a card for people."""

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pcam_core.artifact import Artifact
from pcam_core.atomic import sha256_of
from pcam_core.datasets.dataset import Dataset
from pcam_core.decision.brightness import by_brightness
from pcam_core.model_card.card import card
from pcam_core.model_card.description import (
    DESCRIPTION,
    Estimate,
    Metrics,
    ModelDescription,
    PixelContract,
)
from pcam_core.section import Section
from pcam_core.source_digest import source_digest
from pcam_core.stage import numeric_versions, stage
from pcam_core.stages.evaluate import EvaluateSettings, read_held_out, read_slides
from pcam_core.stages.explore import read_patches
from pcam_core.stages.final import MODEL
from pcam_core.stages.leak import leaked_into_test
from pcam_core.stages.threshold import read_calibrator

CARD = "model_card.md"

_MAKING = ("prepare", "split", "crossvalidate", "single", "final", "threshold", "evaluate")


@stage(numeric=True)
def model_card(
    folder: Path,
    *,
    data: Dataset,
    sources: Sequence[str],
    recipe: Section,
    labels: Artifact,
    gate: Artifact,
    groups: Artifact,
    explored: Artifact,
    splits: Artifact,
    prepared: Artifact,
    model: Artifact,
    decision: Artifact,
    evaluation: Artifact,
    settings: EvaluateSettings,
) -> dict[str, Any]:
    """Write `model.json` (see `ModelDescription`) and `model_card.md` (see `card`).

    Args:
        folder: Where.
        data: The raw patches.
        sources: What is known of their origin; see `pcam_core.datasets.provenance`.
        recipe: The whole recipe.
        labels: Artifact of `labels`; and so on.
        gate: What measured the brightness of patches.
        groups: Which patches belong together, and share pixels.
        explored: Which patches are in use.
        splits: Which of them are the test.
        prepared: What the model takes.
        model: Artifact of `final`.
        decision: Artifact of `threshold`.
        evaluation: Artifact of `evaluate`.
        settings: How intervals are drawn.

    Figures: `name`; and `by_brightness`, see there.
    """
    told = recipe.model_dump(mode="json")
    description = _described(
        told, data.key, splits, prepared=prepared, model=model, decision=decision,
        evaluation=evaluation,
    )  # fmt: skip
    (folder / DESCRIPTION).write_text(description.model_dump_json(indent=2), encoding="utf-8")
    measured = read_patches(explored, gate)
    brightness = measured.loc[measured["part"] == "train", ["id", "brightness"]]
    thirds = by_brightness(
        read_held_out(evaluation).merge(brightness, on="id"),
        description.threshold,
        draws=settings.bootstrap_draws,
        seed=settings.seed,
    )
    figures = {
        "labels": labels.figures,
        "groups": groups.figures,
        "split": {**splits.figures, "leaked": leaked_into_test(splits, groups)},
        "final": model.figures,
        "threshold": decision.figures,
        "evaluate": evaluation.figures,
    }
    text = card(description, sources, figures, read_slides(evaluation), thirds)
    (folder / CARD).write_text(text, encoding="utf-8")
    return {"name": description.name, "by_brightness": thirds}


def _described(
    recipe: dict[str, Any],
    data_key: str,
    splits: Artifact,
    *,
    prepared: Artifact,
    model: Artifact,
    decision: Artifact,
    evaluation: Artifact,
) -> ModelDescription:
    network, stored, tested = model.figures, prepared.figures, evaluation.figures
    return ModelDescription(
        name=f"{recipe['name']}-{model.key[:16]}",
        architecture=network["model"],
        parameters=network["parameters"],
        hyperparameters=network["hyperparameters"],
        form=network["form"],
        averaged_with=network["others"],
        views=network["views"],
        recipe=recipe,
        package=version("pcam"),
        code={name: source_digest(f"pcam_core.stages.{name}") for name in _MAKING},
        versions=numeric_versions(),
        data_key=data_key,
        split_key=splits.key,
        hold_out=splits.figures["hold_out"],
        sha256=sha256_of(model.path / MODEL),
        pixels=PixelContract(
            stored_side=stored["stored_side"],
            region=stored["region"],
            upscaler=stored["upscaler"],
            input_range=recipe["prepare"]["input_range"],
            precision=stored["plan"]["precision"],
            store_size=recipe["prepare"]["store_size"],
        ),
        threshold=decision.figures["threshold"],
        calibrator=read_calibrator(decision),
        metrics=Metrics(
            patches=tested["patches"],
            groups=tested["groups"],
            at_half=_estimates(tested["at_half"]),
            at_threshold=_estimates(tested["at_threshold"]),
        ),
    )


def _estimates(at: dict[str, Any]) -> dict[str, Estimate]:
    found = {}
    for name, value in at["scores"].items():
        low, high = at["intervals"][name]
        found[name] = Estimate(value=value, low=low, high=high)
    return found
