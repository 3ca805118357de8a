"""Putting a model into service, and returning to the one before."""

import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pcam_core.artifact import Artifact
from pcam_core.errors import InputError
from tasks.champion import champion_version
from tasks.registry import CHAMPION, MODEL, registering
from tasks.registry_lease import lease

if TYPE_CHECKING:
    from mlflow import MlflowClient

logger = logging.getLogger(__name__)

PROMOTED = "pcam.model.promoted"
"""The event in Prefect that tells of a new champion."""

_HISTORY = "champions"  # tag of the registered model: all versions that were champion, in order


def promote(out: Path, version: int, instead_of: int | None, reason: str) -> bool:
    """Make a version the champion, unless the champion is another than it was compared with.

    Args:
        out: Folder of the artifacts.
        version: The challenger.
        instead_of: The champion that it was found better than; None if there was none.
        reason: Why.

    Returns:
        False if the champion has changed meanwhile: compare again.

    Raises:
        InputError: MLflow refuses or cannot be reached.
    """
    with lease(), registering(out, "cannot be told of the promotion") as client:
        standing = champion_version(client)
        if (int(standing.version) if standing else None) != instead_of:
            return False
        history = [*_champions(client, instead_of), version]
        # The alias decides; a history that runs ahead of it is cut where it is read.
        client.set_registered_model_tag(MODEL, _HISTORY, json.dumps(history))
        _tell(client, version, promoted=_now(), reason=reason)
        client.set_registered_model_alias(MODEL, CHAMPION, str(version))
    _emit(version, instead_of, reason)
    return True


def keep(out: Path, version: int, reason: str) -> None:
    """Write down why a version is not the champion.

    Raises:
        InputError: MLflow refuses or cannot be reached.
    """
    with registering(out, "cannot be told why the model is not promoted") as client:
        _tell(client, version, reason=reason)
    logger.info("Version %d is kept and not promoted: %s.", version, reason)


def score_again(out: Path, version: int, hold_out: int, evaluation: Artifact) -> None:
    """Write down what a version reaches on a later hold-out.

    Raises:
        InputError: MLflow refuses or cannot be reached.
    """
    found = evaluation.figures["at_threshold"]
    low, high = found["intervals"]["auc"]
    figures = {"auc_low": low, "auc_high": high, **found["scores"]}
    with registering(out, "cannot be told of the champion's figures") as client:
        _tell(client, version, **{f"hold_out_{hold_out}": json.dumps(figures)})


def rolled_back(out: Path, version: int) -> bool:
    """Return whether somebody has taken this version out of service.

    Raises:
        InputError: MLflow refuses or cannot be reached.
    """
    with registering(out, "does not tell of a version") as client:
        return _rolled_back(client, version)


def roll_back(out: Path) -> tuple[int, int]:
    """Return to the last champion before that nobody has taken out of service; needs no Prefect.

    Returns:
        The version that was champion, and the one that is now.

    Raises:
        InputError: There is none before, or MLflow refuses or cannot be reached.
    """
    with registering(out, "cannot be told of the rollback") as client:
        standing = champion_version(client)
        champions = _champions(client, int(standing.version) if standing else None)
        sound = [version for version in champions[:-1] if not _rolled_back(client, version)]
        if standing is None or not sound:
            raise InputError(
                "There is no champion to return to.",
                "Two models must have been promoted in this registry: see whether --out or"
                " MLFLOW_TRACKING_URI is right.",
            )
        before, now = champions[-1], sound[-1]
        # The alias decides, so that a command that failed can be given again.
        _tell(client, before, rolled_back=_now())
        client.set_registered_model_alias(MODEL, CHAMPION, str(now))
    return before, now


def _champions(client: "MlflowClient", standing: int | None) -> list[int]:
    """Return all champions in order, up to the standing one."""
    told = client.get_registered_model(MODEL).tags.get(_HISTORY, "[]")
    versions: list[int] = json.loads(told)
    if standing is None:
        return []
    # Somebody may have set the alias by hand.
    while versions and versions[-1] != standing:
        versions.pop()
    return versions or [standing]


def _rolled_back(client: "MlflowClient", version: int) -> bool:
    return "rolled_back" in client.get_model_version(MODEL, str(version)).tags


def _tell(client: "MlflowClient", version: int, **tags: str) -> None:
    for name, value in tags.items():
        client.set_model_version_tag(MODEL, str(version), name, value)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def _emit(version: int, instead_of: int | None, reason: str) -> None:
    from prefect.events import emit_event

    emit_event(
        PROMOTED,
        resource={"prefect.resource.id": f"{MODEL}.model.{version}"},
        payload={"version": version, "instead_of": instead_of, "reason": reason},
    )
