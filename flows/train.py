"""The training flow."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.runtime import flow_run

from flows.bad_items import all_bad_items_in
from flows.data import data_now
from flows.pipeline import Products, pipeline
from flows.request import TrainRequest
from pcam_core.artifact import Artifact
from pcam_core.datasets.dataset import Dataset
from pcam_core.fan_out import employing
from pcam_core.object_store import open_store
from pcam_core.promotion.hold_out import HoldOut
from pcam_core.recipe import Recipe
from pcam_core.runs.history import RunHistory
from pcam_core.runs.record import KeyFigures, new_record
from pcam_core.runs.recorder import Recorder, recording
from pcam_core.stage import Stage
from tasks.dask_workers import dask_workers
from tasks.gpu_slot import gpu_slot
from tasks.hold_out_version import latest_hold_out
from tasks.model_version import register_model
from tasks.open_data import open_data
from tasks.result import show_result
from tasks.run_tags import tag_run
from tasks.stage_task import StageTask
from tasks.tracked_run import tracked

logger = logging.getLogger(__name__)


def _run_name() -> str:
    request = TrainRequest.model_validate(flow_run.parameters["request"])
    return f"train {Path(request.recipe).stem} on {', '.join(request.data)}"


@flow(name="train", flow_run_name=_run_name, persist_result=True, result_serializer="json")
def train(request: TrainRequest) -> Products:
    """Train, measure and report a classifier of patches; see the recipe for the method.

    Where retrainings have a hold-out in the same registry, it is left out of every part, with all
    that shares a group with it.

    Raises:
        InputError: The data, the recipe, the folder or the object store is wrong, or MLflow cannot
            be reached.
    """
    with recorded(request) as recorder:
        recipe = request.load()
        open_store(request.destination).check()
        data = open_data(request.data, request.cache)
        left_out = latest_hold_out(request.out)
        return trained(request, recipe, data, recorder, left_out=left_out)[0]


@contextmanager
def recorded(request: TrainRequest) -> Iterator[Recorder]:
    """Put the run that the block is on record.

    Raises:
        InputError: The folder cannot be written.
    """
    request.check_out()
    record = new_record(
        Path(request.recipe).stem, ", ".join(request.data), request.changes, flow_run.id
    )
    history = RunHistory(request.out)
    with all_bad_items_in(request.out), recording(history, record) as recorder:
        yield recorder


def trained(
    request: TrainRequest,
    recipe: Recipe,
    data: Dataset,
    recorder: Recorder,
    held_out: HoldOut | None = None,
    left_out: HoldOut | None = None,
) -> tuple[Products, int]:
    """Run the pipeline, followed by MLflow; return its products and the model's version there.

    Raises:
        InputError: The data or the recipe is wrong, or the model cannot be registered.
    """
    tag_run(recipe.name)
    recorder.plan(recipe, data, _planned(request, recipe, data, held_out, left_out)[1])

    def do(task: StageTask, **inputs: Any) -> Artifact:
        return task.run(request.artifacts, **inputs)

    with tracked(request.out, recorder.record, recipe) as run:
        with gpu_slot(), employing(dask_workers(request.dask)):
            products = pipeline(do, data, recipe, request.destination, held_out, left_out)
        recorder.found(KeyFigures.model_validate(products.report.figures["headline"]))
        version = register_model(run, held_out)
        show_result(run, version)
        return products, version


def _planned(
    request: TrainRequest,
    recipe: Recipe,
    data: Dataset,
    held_out: HoldOut | None = None,
    left_out: HoldOut | None = None,
) -> tuple[Products, list[tuple[Stage, Artifact]]]:
    """Return the products, and every stage with what it will make, without computing any."""
    planned = []

    def do(task: StageTask, **inputs: Any) -> Artifact:
        artifact = task.plan(request.artifacts, **inputs)
        planned.append((task.stage, artifact))
        return artifact

    return pipeline(do, data, recipe, request.destination, held_out, left_out), planned


def finished(request: TrainRequest) -> Products | None:
    """Return the products of a request if a run ended well with them and all check, else None.

    Raises:
        InputError: The data, the recipe or the folder is wrong.
    """
    recipe = request.load()
    data = data_now(request)
    if data is None:
        return None
    left_out = latest_hold_out(request.out)
    products, planned = _planned(request, recipe, data, left_out=left_out)
    # A run can make all artifacts and fail to register its model.
    done = (record for record in RunHistory(request.out).read() if record.status == "done")
    ended = any(products.report in record.artifacts for record in done)
    sound = ended and all(artifact.fault() is None for _, artifact in planned)
    return products if sound else None
