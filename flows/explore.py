"""The exploration flow."""

from typing import Any

from prefect import flow
from prefect.runtime import flow_run
from pydantic import BaseModel

from flows.bad_items import all_bad_items_in
from flows.request import ValidateRequest
from pcam_core.artifact import Artifact
from tasks.explore import explore_data
from tasks.gate import validate_data
from tasks.groups import group_patches
from tasks.labels import load_labels
from tasks.open_data import open_data
from tasks.stage_task import StageTask
from tasks.validation import write_validation


class Exploration(BaseModel):
    """What is known of the data before any training."""

    validation: Artifact
    groups: Artifact
    explored: Artifact


def _run_name() -> str:
    request = ValidateRequest.model_validate(flow_run.parameters["request"])
    return f"explore {', '.join(request.data)}"


@flow(name="explore", flow_run_name=_run_name, persist_result=True, result_serializer="json")
def explore(request: ValidateRequest) -> Exploration:
    """Check, group and picture the patches as a training run does first.

    Raises:
        InputError: The data, the recipe or the folder is wrong.
    """
    request.check_out()
    with all_bad_items_in(request.out):
        recipe = request.load()
        data = open_data(request.data, request.cache)

        def do(task: StageTask, **inputs: Any) -> Artifact:
            return task.run(request.artifacts, **inputs)

        labels = do(load_labels, data=data)
        gate = do(validate_data, data=data, labels=labels, settings=recipe.gate)
        validation = do(write_validation, labels=labels, gate=gate)
        groups = do(group_patches, data=data, labels=labels, gate=gate)
        explored = do(
            explore_data,
            data=data,
            labels=labels,
            gate=gate,
            groups=groups,
            settings=recipe.explore,
        )
        return Exploration(validation=validation, groups=groups, explored=explored)
