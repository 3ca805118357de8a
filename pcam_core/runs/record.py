"""What is remembered of a run: what it was asked, what it made and how it ended."""

import hashlib
import json
import re
import secrets
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict

from pcam_core.artifact import Artifact
from pcam_core.runs.process_identity import ProcessIdentity, this_process

Ending = Literal["done", "failed", "stopped"]
State = Literal["running", "killed"] | Ending

_NAME_LENGTH = 16


class KeyFigures(BaseModel):
    """The numbers that runs are compared by, all on the held-out test.

    Attributes:
        model: Name of the final model.
        auc: Area under the ROC curve, 0..1, with its 95 % interval `auc_low`, `auc_high`.
        threshold: Least probability that counts as tumour.
        precision: At the threshold, 0..1.
        recall: At the threshold, 0..1.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    auc: float
    auc_low: float
    auc_high: float
    threshold: float
    precision: float
    recall: float


class RunRecord(BaseModel):
    """One run.

    Attributes:
        id: Sorts by start: "20261123-155812-demo-3f2a" (UTC, recipe, four random digits).
        recipe: Name of the recipe.
        settings: Every setting as JSON values, nested by section; empty until they are read.
        changes: Dotted field to value, as the user changed the recipe.
        data: Where the raw patches lie.
        data_key: Its content key; None until it is known.
        code: Stage to the digest of the code that it runs; see `source_digest`.
        versions: Library to version, of those that floating-point results depend on.
        started: When it started.
        ended: When it ended; None before, and for ever if it was killed.
        state: What was said of it last; see `status`.
        error: Why it failed.
        artifacts: What it makes or takes over, in the order of the stages; known before the
            first of them is made.
        figures: What it found; None unless it is done.
        flow_run: Id of its flow run in Prefect.
        process: Who runs it.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    recipe: str
    settings: dict[str, Any] = {}
    changes: dict[str, Any] = {}
    data: str
    data_key: str | None = None
    code: dict[str, str] = {}
    versions: dict[str, str] = {}
    started: AwareDatetime
    ended: AwareDatetime | None = None
    state: State = "running"
    error: str | None = None
    artifacts: tuple[Artifact, ...] = ()
    figures: KeyFigures | None = None
    flow_run: str | None = None
    process: ProcessIdentity

    @property
    def status(self) -> State:
        """Its state, or "killed" if it says "running" and its process is gone."""
        return "killed" if self.state == "running" and self.process.gone() else self.state

    @property
    def code_revision(self) -> str:
        """The package's version and 12 hex digits over the code of all stages."""
        code = json.dumps(self.code, sort_keys=True).encode()
        return f"{version('pcam')}+{hashlib.sha256(code).hexdigest()[:12]}"


def new_record(recipe: str, data: str, changes: dict[str, Any], flow_run: str | None) -> RunRecord:
    """Return the record of a run that this process starts now; see `RunRecord`."""
    started = datetime.now(UTC)
    name = re.sub(r"[^A-Za-z0-9]+", "-", recipe)[:_NAME_LENGTH].strip("-") or "run"
    return RunRecord(
        id=f"{started:%Y%m%d-%H%M%S}-{name}-{secrets.token_hex(2)}",
        recipe=recipe,
        data=data,
        changes=changes,
        started=started,
        flow_run=flow_run,
        process=this_process(),
    )
