"""The training flow."""

import logging
from typing import Any

from prefect import flow, tags
from prefect.runtime import flow_run

from flows.pipeline import Products, pipeline
from flows.request import TrainRequest
from pcam_core.artifact import Artifact
from pcam_core.object_store import open_store
from pcam_core.raw_data import open_raw_data
from tasks.stage_task import StageTask

logger = logging.getLogger(__name__)


def _run_name() -> str:
    request: Any = flow_run.parameters["request"]
    fields = request if isinstance(request, dict) else request.model_dump()
    return f"{fields['recipe']} on {fields['data']}"


@flow(name="train", flow_run_name=_run_name, persist_result=True, result_serializer="json")
def train(request: TrainRequest) -> Products:
    """Train, measure and report a classifier of patches; see the recipe for the method.

    Raises:
        InputError: The data, the recipe or the object store is wrong.
    """
    recipe = request.load()
    open_store(request.destination).check()
    data = open_raw_data(request.data, request.artifacts / "hashes.sqlite")

    def do(task: StageTask, **inputs: Any) -> Artifact:
        return task.run(request.artifacts, **inputs)

    with tags(recipe.name):
        return pipeline(do, data, recipe, request.destination)


def finished(request: TrainRequest) -> Products | None:
    """Return the products of a request if all of them exist and check, else None."""
    recipe = request.load()
    data = open_raw_data(request.data, request.artifacts / "hashes.sqlite")

    def do(task: StageTask, **inputs: Any) -> Artifact:
        return task.plan(request.artifacts, **inputs)

    products = pipeline(do, data, recipe, request.destination)
    sound = all(getattr(products, name).fault() is None for name in Products.model_fields)
    return products if sound else None
