"""Score the test folder and write the submission."""

import pandas as pd
from prefect.artifacts import create_table_artifact

from pcam_core.artifact import Artifact
from pcam_core.stages.predict import SUBMISSION, predict_test, submission
from tasks.stage_task import stage_task

_SHOWN = 20


def _publish_predictions(artifact: Artifact) -> None:
    create_table_artifact(
        [artifact.figures], key="predictions", description="The scored test folder"
    )


def _publish_submission(artifact: Artifact) -> None:
    table = pd.read_csv(artifact.path / SUBMISSION, dtype={"id": str}).head(_SHOWN)
    rows = {str(name): list(column) for name, column in table.items()}
    create_table_artifact(rows, key="submission", description=f"Its first {_SHOWN} rows")


predict_test_folder = stage_task(
    predict_test, "predict the test folder", publish=_publish_predictions, tags=("output", "gpu")
)
write_submission = stage_task(
    submission, "write the submission", publish=_publish_submission, tags=("output",)
)
