"""MLflow's registry: versions of models and of the hold-out, by address, without copies."""

import json
import logging
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock
from pydantic import BaseModel, ConfigDict

from pcam_core.artifact import Artifact
from pcam_core.atomic import replacing, sha256_of
from pcam_core.decision.calibration import Calibrator
from pcam_core.errors import InputError
from pcam_core.promotion.hold_out import FILE, HoldOut
from pcam_core.promotion.registered_model import RegisteredModel
from pcam_core.stages.final import MODEL as MODEL_FILE
from pcam_core.stages.threshold import CALIBRATOR
from pcam_core.training.views import Views
from tasks.tracking import (
    RECIPE,
    TrackedRun,
    code_revision,
    experiment_of,
    is_absent,
    mlflow_client,
    mlflow_folder,
    telling,
    tracking_uri,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

logger = logging.getLogger(__name__)

MODEL = "pcam"
"""Name of the registered model: every final model is a version of it."""

HOLD_OUT = "pcam-hold-out"
"""Name under which the versions of the hold-out are registered."""

CHAMPION = "champion"
"""Alias of the version that is in service."""

_DESCRIPTION = 5000  # characters, MLflow's limit
_ABOUT = {
    MODEL: f"Every final model, by address. The one with the alias `{CHAMPION}` is in service;"
    " `pcam rollback` returns to the one before.",
    HOLD_OUT: "The patches that models compete on. Each version holds all of the one before, and no"
    " model trained since has learned from any of them.",
}


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
        return dict(json.loads(_run_file(uri, of.run, RECIPE)))


def registered_model(uri: str, of: Champion) -> RegisteredModel:
    """Return what a champion predicts with."""
    with telling(uri, "does not tell the champion's calibration"):
        calibrator = Calibrator.from_json(_run_file(uri, of.run, CALIBRATOR).decode())
    return RegisteredModel(
        address=of.address,
        sha256=of.sha256,
        views=of.views,
        threshold=of.threshold,
        calibrator=calibrator,
    )


def register_model(run: TrackedRun, hold_out: HoldOut | None) -> int:
    """Make the finished run's model a version, and return its number; the same model is one once.

    Raises:
        InputError: MLflow refuses or cannot be reached.
    """
    run.finish()
    assert run.id is not None
    artifacts, record = run.artifacts, run.record
    # Names model, threshold and what it was measured on.
    key = artifacts["evaluate"].key
    with registering(run.out, "cannot register the model") as client:
        same = client.search_model_versions(f"name = '{MODEL}' and tag.key = '{key}'")
        if same:
            return min(int(version.version) for version in same)
        receipts = artifacts["upload"].figures["receipts"]
        receipt = next(r for r in receipts if Path(r["address"]).name == MODEL_FILE)
        numbers = artifacts["report"].figures["headline"]
        shown = ("auc", "auc_low", "auc_high", "precision", "recall")
        tags = {
            "key": key,
            "address": receipt["address"],
            "sha256": receipt["sha256"],
            "views": str(artifacts["final"].figures["views"]),
            "threshold": repr(numbers["threshold"]),
            "metrics": json.dumps({name: numbers[name] for name in shown}),
            "model": numbers["model"],
            "recipe": record.recipe,
            "data": record.data,
            "data_key": record.data_key or "",
            "split_key": artifacts["split"].key,
            "code": code_revision(record),
            "run": record.id,
        }
        if hold_out:
            tags["hold_out"] = str(hold_out.version)
        card = run.card
        text = card.read_text() if card else f"{numbers['model']}, AUC {numbers['auc']:.3f}"
        text = text[:_DESCRIPTION]
        made = _create(client, run.uri, MODEL, receipt["address"], run.id, tags, text)
    logger.info("Registered as version %s of %s.", made.version, MODEL)
    return int(made.version)


def latest_hold_out(out: Path) -> HoldOut | None:
    """Return the newest version of the hold-out, with a copy below `out`; None if there is none.

    Raises:
        InputError: MLflow refuses, cannot be reached, or holds another file than was registered.
    """
    uri = tracking_uri(out)
    if is_absent(uri):
        return None
    with telling(uri, "does not tell the hold-out"):
        found = _latest(mlflow_client(uri))
        if found is None:
            return None
        key = found.tags["sha256"]
        path = _copy(out, key)
        if not path.is_file():
            assert found.run_id is not None
            _keep(_run_file(uri, found.run_id, FILE), path)
    if sha256_of(path) != key:
        path.unlink()
        raise InputError(
            f"The file of version {found.version} of {HOLD_OUT} is not what was registered.",
            f"Put {FILE} of MLflow's run {found.run_id} back from a copy of MLflow's files.",
        )
    return _version(found, path)


def register_hold_out(
    out: Path, drawn: Artifact, data: Sequence[str], earlier: HoldOut | None
) -> HoldOut | None:
    """Make what the stage `hold_out` drew the next version, if it or its data is another.

    Args:
        out: Folder of the artifacts.
        drawn: Artifact of `hold_out`.
        data: Addresses of all data that it was drawn from.
        earlier: The version that it was drawn after.

    Returns:
        The version; None if another has been registered meanwhile: draw again, after that one.

    Raises:
        InputError: MLflow refuses or cannot be reached.
    """
    uri = tracking_uri(out)
    file = drawn.path / FILE
    key = sha256_of(file)
    with registering(out, "cannot take the hold-out") as client:
        newest = _latest(client)
        if (int(newest.version) if newest else None) != (earlier.version if earlier else None):
            return None
        if earlier and (earlier.key, earlier.data) == (key, tuple(data)):
            return earlier
        run = client.create_run(experiment_of(client, uri, out), run_name=HOLD_OUT)
        client.log_artifact(run.info.run_id, str(file))
        client.set_terminated(run.info.run_id)
        tags = {name: str(drawn.figures[name]) for name in ("patches", "groups", "added")}
        tags |= {"sha256": key, "data": json.dumps(list(data))}
        source = f"runs:/{run.info.run_id}/{FILE}"
        made = _create(client, uri, HOLD_OUT, source, run.info.run_id, tags)
    path = _copy(out, key)
    _keep(file.read_bytes(), path)
    return HoldOut(version=int(made.version), key=key, data=tuple(data), path=path)


@contextmanager
def registering(out: Path, what: str) -> Iterator["MlflowClient"]:
    """Give the connection; of the processes on this folder only one is inside at a time."""
    uri = tracking_uri(out)
    folder = mlflow_folder(out)
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "registry.lock"), telling(uri, what):
        yield mlflow_client(uri)


def champion_version(client: "MlflowClient") -> "ModelVersion | None":
    """Return the version that the alias names."""
    from mlflow.exceptions import MlflowException

    try:
        return client.get_model_version_by_alias(MODEL, CHAMPION)
    except MlflowException as error:
        if error.error_code in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
            return None  # no such model, or no such alias
        raise


def _create(
    client: "MlflowClient",
    uri: str,
    name: str,
    source: str,
    run: str,
    tags: dict[str, str],
    description: str | None = None,
) -> "ModelVersion":
    from mlflow.exceptions import MlflowException

    with suppress(MlflowException):  # it exists
        client.create_registered_model(name, description=_ABOUT[name])
    if uri.startswith("http") and "://" not in source:
        # A server refuses paths of other machines; the tag "address" has it.
        source = f"runs:/{run}/{Path(source).name}"
    return client.create_model_version(
        name, source, run, tags=tags, description=description, await_creation_for=0
    )


def _latest(client: "MlflowClient") -> "ModelVersion | None":
    order = ["version_number DESC"]
    found = client.search_model_versions(f"name = '{HOLD_OUT}'", max_results=1, order_by=order)
    return found[0] if found else None


def _version(found: "ModelVersion", path: Path) -> HoldOut:
    tags = found.tags
    data = tuple(json.loads(tags["data"]))
    return HoldOut(version=int(found.version), key=tags["sha256"], data=data, path=path)


def _copy(out: Path, key: str) -> Path:
    return mlflow_folder(out) / "hold-outs" / f"{key}.csv.gz"


def _keep(content: bytes, path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def _run_file(uri: str, run: str, name: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        return Path(mlflow_client(uri).download_artifacts(run, name, folder)).read_bytes()
