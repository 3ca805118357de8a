"""The model in service."""

import json
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from pcam_core.decision.calibration import Calibrator
from pcam_core.promotion.registered_model import RegisteredModel
from pcam_core.stages.threshold import CALIBRATOR
from pcam_core.training.views import Views
from tasks.mlflow_connection import is_absent, mlflow_client, telling
from tasks.registry import CHAMPION, MODEL, run_file
from tasks.tracked_run import RECIPE

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


class Champion(BaseModel):
    """The model in service.

    Attributes:
        version: Of the registered model.
        run: Id of its run in MLflow, with recipe, report and curves.
        address: Of its `.keras` file: "s3://bucket/key" or an absolute path.
        sha256: Of that file.
        views: Of a patch, over which its probability is averaged.
        threshold: From which probability on a patch counts as positive.
        metrics: On the hold-out that it was first measured on: auc with auc_low and auc_high,
            precision, recall; all 0..1.
        hold_out: Version of that hold-out; None if it was measured on a drawn test part.
    """

    model_config = ConfigDict(frozen=True)

    version: int
    run: str
    address: str
    sha256: str
    views: Views
    threshold: float
    metrics: dict[str, float]
    hold_out: int | None


def champion(uri: str) -> Champion | None:
    """Return the model in service; None if there is none.

    Raises:
        InputError: MLflow refuses or cannot be reached.
    """
    if is_absent(uri):
        return None
    with telling(uri, "does not tell the champion"):
        found = champion_version(mlflow_client(uri))
    if found is None:
        return None
    tags = found.tags
    return Champion(
        version=int(found.version),
        run=found.run_id,
        address=tags["address"],
        sha256=tags["sha256"],
        views=int(tags.get("views", 1)),
        threshold=float(tags["threshold"]),
        metrics=json.loads(tags["metrics"]),
        hold_out=int(tags["hold_out"]) if "hold_out" in tags else None,
    )


def champion_recipe(uri: str, of: Champion) -> dict[str, Any]:
    """Return the fields of the recipe that a champion was trained by, nested by section."""
    with telling(uri, "does not tell the champion's recipe"):
        return dict(json.loads(run_file(uri, of.run, RECIPE)))


def registered_model(uri: str, of: Champion) -> RegisteredModel:
    """Return what a champion predicts with."""
    with telling(uri, "does not tell the champion's calibration"):
        calibrator = Calibrator.from_json(run_file(uri, of.run, CALIBRATOR).decode())
    return RegisteredModel(
        address=of.address,
        sha256=of.sha256,
        views=of.views,
        threshold=of.threshold,
        calibrator=calibrator,
    )


def champion_version(client: "MlflowClient") -> "ModelVersion | None":
    """Return the version that the alias names."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(MODEL, CHAMPION)
    except MlflowException as error:
        if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
            return None  # no such model, or no such alias
        raise
