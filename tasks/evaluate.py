"""Measure the final model on the held-out test."""

import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.report.result_figures import confusion_matrices, roc
from pcam_core.stages.evaluate import evaluate
from tasks.pictures import show_picture
from tasks.stage_task import stage_task
from tasks.tables import show_table


def _publish(artifact: Artifact) -> None:
    found = artifact.figures["at_threshold"]
    rows = [
        {"score": name, "value": value, "low": low, "high": high}
        for (name, value), (low, high) in zip(
            found["scores"].items(), found["intervals"].values(), strict=True
        )
    ]
    show_table("test-scores", "With 95 % intervals over groups", rows)
    table = pd.read_csv(artifact.path / "predictions.csv")
    show_picture("test-roc", "ROC on the held-out test", roc({"held-out test": table}))
    show_picture("test-confusion", "Confusion matrices", confusion_matrices(artifact))


measure_on_test = stage_task(
    evaluate, "measure on the held-out test", publish=_publish, tags=("decision", "gpu")
)
