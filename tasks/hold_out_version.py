"""The hold-out as versions in the registry."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pcam_core.artifact import Artifact
from pcam_core.atomic import replacing, sha256_of
from pcam_core.errors import InputError
from pcam_core.promotion.hold_out import FILE, HoldOut
from tasks.mlflow_connection import is_absent, mlflow_client, mlflow_folder, telling, tracking_uri
from tasks.mlflow_experiment import experiment_of
from tasks.registry import HOLD_OUT, new_version, registering, run_file

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion


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
        path = _copy_path(out, key)
        if not path.is_file():
            assert found.run_id is not None
            _keep(run_file(uri, found.run_id, FILE), path)
    if sha256_of(path) != key:
        path.unlink()
        raise InputError(
            f"The file of version {found.version} of {HOLD_OUT} is not what was registered.",
            f"Put {FILE} of MLflow's run {found.run_id} back from a copy of MLflow's files.",
        )
    return _hold_out(found, path)


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
        made = new_version(client, uri, HOLD_OUT, source, run.info.run_id, tags)
    path = _copy_path(out, key)
    _keep(file.read_bytes(), path)
    return HoldOut(version=int(made.version), key=key, data=tuple(data), path=path)


def _latest(client: "MlflowClient") -> "ModelVersion | None":
    order = ["version_number DESC"]
    found = client.search_model_versions(f"name = '{HOLD_OUT}'", max_results=1, order_by=order)
    return found[0] if found else None


def _hold_out(found: "ModelVersion", path: Path) -> HoldOut:
    tags = found.tags
    data = tuple(json.loads(tags["data"]))
    return HoldOut(version=int(found.version), key=tags["sha256"], data=data, path=path)


def _copy_path(out: Path, key: str) -> Path:
    return mlflow_folder(out) / "hold-outs" / f"{key}.csv.gz"


def _keep(content: bytes, path: Path) -> None:
    with replacing(path) as temporary:
        temporary.write_bytes(content)
