"""Measure the final model on the held-out test, which took no part in any choice."""

from pathlib import Path
from typing import Any

from pydantic import Field

from pcam_core.artifact import Artifact
from pcam_core.bootstrap import intervals
from pcam_core.measures import confusion, scores
from pcam_core.section import Section
from pcam_core.stage import stage
from pcam_core.stages.final import load_final
from pcam_core.stages.prepare import open_store
from pcam_core.stages.split import read_splits


class EvaluateSettings(Section):
    """How the intervals are drawn."""

    bootstrap_draws: int = Field(
        1000, ge=100, le=100_000, description="Bootstrap samples of whole groups."
    )
    seed: int = Field(42, ge=0, description="Seed of the draws.")


@stage(numeric=True)
def evaluate(
    folder: Path,
    *,
    prepared: Artifact,
    splits: Artifact,
    model: Artifact,
    decision: Artifact,
    settings: EvaluateSettings,
) -> dict[str, Any]:
    """Write `predictions.csv` (id, label, group, probability) of the role "test".

    Figures: every score at .5 and at the threshold with its 95 % interval, and the
    confusion matrices.
    """
    from pcam_core.training.serving import predict

    table = read_splits(splits)
    table = table[table["role"] == "test"]
    probabilities = predict(load_final(model), open_store(prepared, "train"), table["id"])
    table[["id", "label", "group"]].assign(probability=probabilities).to_csv(
        folder / "predictions.csv", index=False
    )
    labels, groups = table["label"].to_numpy(), table["group"].to_numpy()
    figures: dict[str, Any] = {"patches": len(table), "groups": int(table["group"].nunique())}
    for name, at in (("at_half", 0.5), ("at_threshold", decision.figures["threshold"])):
        found = intervals(
            labels,
            probabilities,
            groups,
            at,
            draws=settings.bootstrap_draws,
            seed=settings.seed,
        )
        figures[name] = {
            "threshold": at,
            "scores": scores(labels, probabilities, at),
            "intervals": {score: list(bounds) for score, bounds in found.items()},
            "confusion": confusion(labels, probabilities, at),
        }
    return figures
