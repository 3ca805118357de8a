"""Write the one page that a person reads after a run."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pcam_core.artifact import Artifact
from pcam_core.stage import stage

if TYPE_CHECKING:
    from pcam_core.recipe import Recipe

REPORT = "report.html"


@stage()
def report(
    folder: Path,
    *,
    recipe: "Recipe",
    labels: Artifact,
    gate: Artifact,
    groups: Artifact,
    explored: Artifact,
    splits: Artifact,
    prepared: Artifact,
    enlarged: Artifact,
    comparison: Artifact,
    tuned: Artifact,
    crossvalidated: Artifact,
    model: Artifact,
    decision: Artifact,
    evaluation: Artifact,
    optimism: Artifact,
    explanation: Artifact,
    predictions: Artifact,
    submission: Artifact,
    receipts: Artifact,
    trained: Artifact | None = None,
) -> dict[str, Any]:
    """Write `report.html`, one page that loads nothing from anywhere.

    Figures: its size in bytes and the headline (see `pcam_core.report.verdict.headline`).
    """
    from pcam_core.report.page import page
    from pcam_core.report.verdict import headline

    artifacts = {
        "labels": labels,
        "gate": gate,
        "groups": groups,
        "explored": explored,
        "splits": splits,
        "prepared": prepared,
        "enlarged": enlarged,
        "comparison": comparison,
        "tuned": tuned,
        "crossvalidated": crossvalidated,
        **({"trained": trained} if trained else {}),
        "model": model,
        "decision": decision,
        "evaluation": evaluation,
        "optimism": optimism,
        "explanation": explanation,
        "predictions": predictions,
        "submission": submission,
        "receipts": receipts,
    }
    numbers = headline(evaluation, predictions, model)
    html = page(recipe.model_dump(mode="json"), artifacts, numbers).encode()
    (folder / REPORT).write_bytes(html)
    return {"bytes": len(html), "headline": numbers}
