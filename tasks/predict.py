"""Score the test folder and write the submission."""

import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.stages.predict import SUBMISSION, predict_test, submission
from tasks.stage_task import stage_task
from tasks.tables import show_table

_SHOWN = 20


def _publish_predictions(artifact: Artifact) -> None:
    found = artifact.figures
    rows = [
        {"what": "no tumour", "patches": found["patches"] - found["positive"]},
        {"what": "tumour", "patches": found["positive"]},
        {
            "what": "tumour expected by calibrated probability",
            "patches": found["expected_positive"],
        },
        *({"what": flag, "patches": number} for flag, number in found["flags"].items()),
    ]
    show_table("predictions", f"The {found['patches']:,} patches of the test folder", rows)


def _publish_submission(artifact: Artifact) -> None:
    table = pd.read_csv(artifact.path / SUBMISSION, dtype={"id": str}).head(_SHOWN)
    show_table("submission", f"Its first {_SHOWN} rows", table.to_dict("records"))


predict_test_folder = stage_task(
    predict_test, "predict the test folder", publish=_publish_predictions
)
write_submission = stage_task(submission, "write the submission", publish=_publish_submission)
