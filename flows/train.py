"""The training flow."""

import logging
from pathlib import Path
from typing import Any

from prefect import flow, tags
from prefect.runtime import flow_run

from flows.bad_items import all_bad_items_in
from flows.data import data_now
from flows.pipeline import Products, pipeline
from flows.request import TrainRequest
from pcam_core.artifact import Artifact
from pcam_core.datasets.dataset import Dataset
from pcam_core.fan_out import employing
from pcam_core.object_store import open_store
from pcam_core.recipe import Recipe
from pcam_core.runs.history import RunHistory
from pcam_core.runs.record import KeyFigures, new_record
from pcam_core.runs.recorder import recording
from pcam_core.stage import Stage
from tasks.dask_workers import dask_workers
from tasks.open_data import open_data
from tasks.stage_task import StageTask

logger = logging.getLogger(__name__)


def _run_name() -> str:
    request = TrainRequest.model_validate(flow_run.parameters["request"])
    return f"{request.recipe} on {', '.join(request.data)}"


@flow(name="train", flow_run_name=_run_name, persist_result=True, result_serializer="json")
def train(request: TrainRequest) -> Products:
    """Train, measure and report a classifier of patches; see the recipe for the method.

    Raises:
        InputError: The data, the recipe, the folder or the object store is wrong.
    """
    request.check_out()
    record = new_record(
        Path(request.recipe).stem, ", ".join(request.data), request.changes, flow_run.id
    )
    history = RunHistory(request.out)
    with all_bad_items_in(request.out), recording(history, record) as recorder:
        recipe = request.load()
        open_store(request.destination).check()
        data = open_data(request.data, request.cache)
        recorder.plan(recipe, data, _planned(request, recipe, data)[1])

        def do(task: StageTask, **inputs: Any) -> Artifact:
            return task.run(request.artifacts, **inputs)

        with tags(recipe.name), employing(dask_workers(request.dask)):
            products = pipeline(do, data, recipe, request.destination)
        recorder.found(KeyFigures.model_validate(products.report.figures["headline"]))
        return products


def _planned(
    request: TrainRequest, recipe: Recipe, data: Dataset
) -> tuple[Products, list[tuple[Stage, Artifact]]]:
    """Return the products, and every stage with what it will make, without computing any."""
    planned = []

    def do(task: StageTask, **inputs: Any) -> Artifact:
        artifact = task.plan(request.artifacts, **inputs)
        planned.append((task.stage, artifact))
        return artifact

    return pipeline(do, data, recipe, request.destination), planned


def finished(request: TrainRequest) -> Products | None:
    """Return the products of a request if every artifact of it exists and checks, else None.

    Raises:
        InputError: The data, the recipe or the folder is wrong.
    """
    recipe = request.load()
    data = data_now(request)
    if data is None:
        return None
    products, planned = _planned(request, recipe, data)
    sound = all(artifact.fault() is None for _, artifact in planned)
    return products if sound else None
