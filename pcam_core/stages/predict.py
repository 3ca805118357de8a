"""Score the test folder and write the submission."""

from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from pcam_core.artifact import Artifact
from pcam_core.section import Section
from pcam_core.stage import stage
from pcam_core.stages.final import load_final
from pcam_core.stages.labels import read_ids
from pcam_core.stages.prepare import open_store

SUBMISSION = "submission.csv"


class PredictSettings(Section):
    """What is submitted."""

    submit: Literal["probability", "label"] = Field(
        "probability",
        description="'probability' suits a competition scored by AUC; 'label' submits 0 or 1.",
    )


@stage(numeric=True)
def predict_test(
    folder: Path, *, prepared: Artifact, labels: Artifact, model: Artifact, decision: Artifact
) -> dict[str, Any]:
    """Write `predictions.csv` (id, probability, prediction) in the test table's order."""
    from pcam_core.training.serving import predict

    ids = read_ids(labels, "test")["id"]
    probabilities = predict(load_final(model), open_store(prepared, "test"), ids)
    if not np.isfinite(probabilities).all():
        raise FloatingPointError("The final model gives probabilities that are no numbers.")
    predicted = (probabilities >= decision.figures["threshold"]).astype(int)
    table = pd.DataFrame({"id": ids, "probability": probabilities, "prediction": predicted})
    table.to_csv(folder / "predictions.csv", index=False, float_format="%.6f")
    return {"patches": len(table), "positive": int(predicted.sum())}


@stage()
def submission(folder: Path, *, predictions: Artifact, settings: PredictSettings) -> dict[str, Any]:
    """Write `submission.csv` (id, label), every test id once, in the sample's order."""
    path = predictions.path / "predictions.csv"
    table = pd.read_csv(path, dtype={"id": str}, keep_default_na=False)
    column = "probability" if settings.submit == "probability" else "prediction"
    written = table[["id", column]].rename(columns={column: "label"})
    if not (written["label"].between(0, 1).all() and written["id"].is_unique):
        raise ValueError("The submission holds a doubled id or a label outside 0 to 1.")
    written.to_csv(folder / SUBMISSION, index=False)
    return {"rows": len(written), "submit": settings.submit}
