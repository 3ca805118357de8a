"""Choose the probability from which a patch counts as tumour, on data that is not the test."""

from pathlib import Path
from typing import Any

from pcam_core.artifact import Artifact
from pcam_core.measures import best_f1_threshold, scores
from pcam_core.stage import stage
from pcam_core.stages.final import load_final
from pcam_core.stages.prepare import open_store
from pcam_core.stages.split import read_splits


@stage(numeric=True)
def threshold(
    folder: Path, *, prepared: Artifact, splits: Artifact, model: Artifact
) -> dict[str, Any]:
    """Take the threshold with the highest F1 on the role "calibration" of the split.

    Writes `predictions.csv` (id, label, probability).
    """
    from pcam_core.training.serving import predict

    table = read_splits(splits)
    table = table[table["role"] == "calibration"]
    probabilities = predict(load_final(model), open_store(prepared, "train"), table["id"])
    table[["id", "label"]].assign(probability=probabilities).to_csv(
        folder / "predictions.csv", index=False
    )
    labels = table["label"].to_numpy()
    chosen = best_f1_threshold(labels, probabilities)
    return {
        "threshold": chosen,
        "patches": len(table),
        "at_half": scores(labels, probabilities, 0.5),
        "at_threshold": scores(labels, probabilities, chosen),
    }
