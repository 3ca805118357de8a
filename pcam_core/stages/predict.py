"""Score the test folder and write the submission."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from pcam_core.artifact import Artifact
from pcam_core.atomic import replacing
from pcam_core.decision.entropy import entropy
from pcam_core.decision.flags import far_out, flags
from pcam_core.section import Section
from pcam_core.stage import stage
from pcam_core.stages.explore import COMPARED, read_patches
from pcam_core.stages.final_predictions import predict_final
from pcam_core.stages.labels import read_ids
from pcam_core.stages.threshold import read_calibrator
from pcam_core.validation.suspects import read_suspects

SUBMISSION = "submission.csv"
PREDICTIONS = "predictions.csv"


class PredictSettings(Section):
    """What is submitted."""

    submit: Literal["probability", "label"] = Field(
        "probability",
        description="'probability' suits a competition scored by AUC; 'label' submits 0 or 1.",
    )


@stage(numeric=True)
def predict_test(
    folder: Path,
    *,
    prepared: Artifact,
    labels: Artifact,
    gate: Artifact,
    explored: Artifact,
    model: Artifact,
    decision: Artifact,
) -> dict[str, Any]:
    """Write `predictions.csv`, a row a test patch in the test table's order.

    Columns: id; probability, the model's own; calibrated_probability; prediction, 1 where the
    probability reaches the threshold; entropy of the calibrated probability, bits; flags (see
    `pcam_core.decision.flags`).

    Figures: patches; how many are positive, and how many are expected to be by the calibrated
    probabilities; flagged patches by flag.
    """
    ids = read_ids(labels, "test")["id"]
    probabilities = predict_final(model, prepared, "test", ids)
    if not np.isfinite(probabilities).all():
        raise FloatingPointError("The final model gives probabilities that are no numbers.")
    calibrated = read_calibrator(decision).apply(probabilities)
    suspects = read_suspects(gate.path)
    low, high = decision.figures["interval"]
    table = pd.DataFrame(
        {
            "id": ids,
            "probability": probabilities,
            "calibrated_probability": calibrated,
            "prediction": (probabilities >= decision.figures["threshold"]).astype(int),
            "entropy": entropy(calibrated),
            "flags": flags(
                ids,
                probabilities,
                (low, high),
                suspects[suspects["part"] == "test"],
                _unlike_training(explored, gate),
            ),
        }
    )
    # Nine digits keep apart what float32 keeps apart.
    table.to_csv(folder / PREDICTIONS, index=False, float_format="%.9g")
    told = table["flags"].str.split("; ").explode()
    return {
        "patches": len(table),
        "positive": int(table["prediction"].sum()),
        "expected_positive": float(calibrated.sum()),
        "flags": {str(flag): int(n) for flag, n in told[told != ""].value_counts().items()},
    }


def _unlike_training(explored: Artifact, gate: Artifact) -> set[str]:
    table = read_patches(explored, gate)
    train, test = (table[table["part"] == part] for part in ("train", "test"))
    return set(test.loc[far_out(train[list(COMPARED)], test[list(COMPARED)]), "id"])


@stage()
def submission(
    folder: Path, *, labels: Artifact, predictions: Artifact, settings: PredictSettings
) -> dict[str, Any]:
    """Write `submission.csv` (id, label), every test id once, in the sample's order."""
    path = predictions.path / PREDICTIONS
    table = pd.read_csv(path, dtype={"id": str}, keep_default_na=False)
    column = "probability" if settings.submit == "probability" else "prediction"
    written = table[["id", column]].rename(columns={column: "label"})
    check_submission(written, list(read_ids(labels, "test")["id"]), settings.submit)
    with replacing(folder / SUBMISSION) as temporary:
        written.to_csv(temporary, index=False)
    return {
        "rows": len(written),
        "submit": settings.submit,
        "positive": predictions.figures["positive"],
    }


def check_submission(
    table: pd.DataFrame, ids: list[str], submit: Literal["probability", "label"]
) -> None:
    """Compare a submission with what a competition accepts.

    Args:
        table: Columns id and label.
        ids: What the sample submission asks for, in its order.
        submit: Whether the labels are probabilities (0..1) or 0 and 1.

    Raises:
        ValueError: A row is missing, too much, doubled or out of order, or a label is no number or
            out of range.
    """
    if len(table) != len(ids):
        raise ValueError(f"The submission has {len(table):,} rows instead of {len(ids):,}.")
    differing = [
        f"row {row}: {found!r} instead of {wanted!r}"
        for row, (found, wanted) in enumerate(zip(table["id"], ids, strict=True), start=1)
        if found != wanted
    ]
    if differing:
        raise ValueError(f"The submission has other ids than the sample ({differing[0]}).")
    label = pd.to_numeric(table["label"], errors="coerce")
    allowed = label.between(0, 1) if submit == "probability" else label.isin([0, 1])
    if not allowed.all():
        patch_id, value = table.loc[~allowed, ["id", "label"]].iloc[0]
        wanted = "a number from 0 to 1" if submit == "probability" else "0 or 1"
        raise ValueError(f"The submission's label of {patch_id} is {value}, not {wanted}.")
