"""The validation flow."""

from collections.abc import Callable
from typing import Any

from prefect import flow
from prefect.runtime import flow_run
from pydantic import BaseModel

from flows.bad_items import all_bad_items_in
from flows.data import data_now
from flows.request import ValidateRequest
from pcam_core.artifact import Artifact
from pcam_core.datasets.dataset import Dataset
from pcam_core.stages.gate_expectations import GateSettings
from tasks.gate import validate_data
from tasks.labels import load_labels
from tasks.open_data import open_data
from tasks.stage_task import StageTask
from tasks.validation import write_validation


class Findings(BaseModel):
    """What the checks left behind, whether they let the data pass or not."""

    labels: Artifact
    gate: Artifact
    validation: Artifact


def _run_name() -> str:
    request = ValidateRequest.model_validate(flow_run.parameters["request"])
    return f"validate {', '.join(request.data)}"


@flow(name="validate", flow_run_name=_run_name, persist_result=True, result_serializer="json")
def validate(request: ValidateRequest) -> Findings:
    """Check labels and patches as a training run does first.

    Raises:
        InputError: The data, the recipe or the folder is wrong; see `findings` for all of it.
    """
    request.check_out()
    with all_bad_items_in(request.out):
        settings = request.load().gate
        data = open_data(request.data, request.cache)

        def do(task: StageTask, **inputs: Any) -> Artifact:
            return task.run(request.artifacts, **inputs)

        return _checks(do, data, settings)


def findings(request: ValidateRequest) -> Findings | None:
    """Return what a request's checks have found, also where they stop a run; None if not yet run.

    Raises:
        InputError: The data, the recipe or the folder is wrong.
    """
    settings = request.load().gate
    data = data_now(request)
    if data is None:
        return None

    def do(task: StageTask, **inputs: Any) -> Artifact:
        return task.plan(request.artifacts, **inputs)

    found = _checks(do, data, settings)
    sound = (artifact.fault() is None for artifact in (found.labels, found.gate, found.validation))
    return found if all(sound) else None


def _checks(do: Callable[..., Artifact], data: Dataset, settings: GateSettings) -> Findings:
    labels = do(load_labels, data=data)
    gate = do(validate_data, data=data, labels=labels, settings=settings)
    validation = do(write_validation, labels=labels, gate=gate)
    return Findings(labels=labels, gate=gate, validation=validation)
