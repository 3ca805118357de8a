"""Score new patches with a pinned model."""

from pathlib import Path

from prefect import task
from prefect.cache_policies import INPUTS, RUN_ID
from pydantic import BaseModel, ConfigDict

from pcam_core.drift.settings import DriftSettings
from pcam_core.errors import InputError
from pcam_core.scoring.score import Scored, score_new
from pcam_core.scoring.served import served
from tasks.champion import champion
from tasks.mlflow_connection import tracking_uri
from tasks.progress import shown_in_prefect
from tasks.registry import CHAMPION
from tasks.tables import show_table
from tasks.transient import PATIENCE


class PinnedModel(BaseModel):
    """The model of a whole run, whoever becomes champion meanwhile.

    Attributes:
        address: Of its `.keras` file, or of the folder with it.
        sha256: Of that file.
        version: In the registry; None for one that is not registered.
    """

    model_config = ConfigDict(frozen=True)

    address: str
    sha256: str
    version: int | None = None


@task(
    name="pin the model",
    task_run_name="pin the model",
    # A run that crashed and is taken up again goes on with the model that it began with.
    cache_policy=RUN_ID + INPUTS,
    persist_result=True,
    result_serializer="json",
    **PATIENCE,
)
def pin_model(model: str, out: Path) -> PinnedModel:
    """Return the champion of this moment, or the model at an address, with its checksum.

    Args:
        model: "champion", a `.keras` file, or a folder or s3:// prefix with a `model.keras`.
        out: Folder of the runs, and of their registry unless MLFLOW_TRACKING_URI names one.

    Raises:
        InputError: There is no champion or no such model, or MLflow refuses or cannot be reached.
    """
    if model != CHAMPION:
        with served(model) as ready:
            return PinnedModel(address=model, sha256=ready.description.sha256)
    standing = champion(tracking_uri(out))
    if standing is None:
        raise InputError(
            "There is no champion to score with.",
            "Promote a model with `pcam trigger retrain`, or name a model's file or folder.",
        )
    return PinnedModel(address=standing.address, sha256=standing.sha256, version=standing.version)


@task(name="score new patches", task_run_name="score {source}", **PATIENCE)
def score_patches(
    model: PinnedModel, source: str, destination: str, settings: DriftSettings
) -> Scored:
    """Score what is new; a repetition finds what was published. See `score_new`."""
    with shown_in_prefect("score-progress"), served(model.address, model.sha256) as ready:
        scored = score_new(ready, source, destination, settings, model.version)
    _publish(scored)
    return scored


def _publish(scored: Scored) -> None:
    rows = [
        {
            "batch": batch.manifest.number,
            **batch.manifest.figures,
            "predictions": batch.predictions,
            "report": batch.drift,
        }
        for batch in scored.batches
    ]
    left = f", {scored.unread:,} unread" if scored.unread else ""
    show_table("scored", f"{sum(row['patches'] for row in rows):,} new patches{left}", rows)
