"""The report's page."""

from collections.abc import Mapping, Sequence
from typing import Any

from pcam_core.artifact import Artifact
from pcam_core.report import (
    explanation_chapter,
    exploration_chapter,
    model_chapters,
    optimism_chapter,
    preparation_chapter,
    quality_chapter,
    result_chapters,
    run_chapters,
    splits_chapter,
    tuning_chapter,
)
from pcam_core.report.blocks import Chapter
from pcam_core.report.layout import lay_out
from pcam_core.report.verdict import verdict

_TRUSTED = ("groups", "splits", "model", "evaluation")


def page(
    recipe: Mapping[str, Any], artifacts: Mapping[str, Artifact], headline: dict[str, Any]
) -> str:
    """Return the report's HTML. Equal artifacts give equal text.

    Args:
        recipe: The recipe as JSON values.
        artifacts: By the names of the stage `report`'s arguments.
        headline: What `pcam_core.report.verdict.headline` returned.
    """
    finished = max(artifact.manifest["finished"] for artifact in artifacts.values())
    return lay_out(
        "report.html.j2",
        chapters(recipe, artifacts),
        recipe=recipe["name"],
        finished=finished.replace("T", " ").replace("Z", " UTC"),
        patches=artifacts["labels"].figures["train"],
        verdict=verdict(headline, **{name: artifacts[name] for name in _TRUSTED}),
    )


def chapters(recipe: Mapping[str, Any], artifacts: Mapping[str, Artifact]) -> Sequence[Chapter]:
    """Return the chapters in the order of the run; arguments as for `page`."""
    a = artifacts
    return [
        result_chapters.held_out(a["evaluation"]),
        result_chapters.decided(a["decision"]),
        optimism_chapter.optimism(a["optimism"]),
        explanation_chapter.explained(a["explanation"]),
        result_chapters.submitted(
            a["labels"], a["predictions"], a["submission"], a["decision"], a["receipts"]
        ),
        quality_chapter.quality(a["gate"]),
        exploration_chapter.exploration(a["explored"], a["gate"], a["groups"]),
        splits_chapter.parts(a["groups"], a["splits"], a["model"]),
        preparation_chapter.preparation(a["prepared"], a["enlarged"], a["explored"]),
        model_chapters.compared(a["comparison"]),
        tuning_chapter.tuning(a["tuned"]),
        model_chapters.folds(a["crossvalidated"]),
        model_chapters.final_model(a["model"], recipe["final"]["training"]["watch"]),
        run_chapters.differences(),
        run_chapters.timing(list(artifacts.values())),
        run_chapters.reproduction(dict(recipe)),
    ]
