"""The retraining flow: a challenger, and whether it becomes champion."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prefect import flow
from prefect.runtime import flow_run
from pydantic import BaseModel

from flows.pipeline import Products
from flows.request import RetrainRequest
from flows.train import recorded, trained
from pcam_core.artifact import Artifact
from pcam_core.datasets.dataset import Dataset
from pcam_core.errors import InputError
from pcam_core.fan_out import employing
from pcam_core.object_store import open_store
from pcam_core.promotion.hold_out import HoldOut
from pcam_core.recipe import Recipe, parse_recipe
from pcam_core.runs.recorder import Recorder
from pcam_core.stage import Stage
from tasks.challenge import challenge_champion, fetch_champion
from tasks.champion import Champion, champion, champion_recipe, registered_model
from tasks.dask_workers import dask_workers
from tasks.evaluate import measure_on_test
from tasks.gate import validate_data
from tasks.gpu_slot import gpu_slot
from tasks.groups import group_patches
from tasks.hold_out import draw_hold_out
from tasks.hold_out_version import latest_hold_out, register_hold_out
from tasks.labels import load_labels
from tasks.mlflow_connection import tracking_uri
from tasks.open_data import open_data
from tasks.prepare import prepare_patches
from tasks.promotion import keep, promote, rolled_back, score_again
from tasks.registry import CHAMPION
from tasks.registry_lease import lease
from tasks.result import show_decision
from tasks.stage_task import StageTask
from tasks.validation import write_validation

_JUDGEMENT = ("hold_out", "promotion")


class Retrained(BaseModel):
    """A challenger and what became of it.

    Attributes:
        products: The artifacts of its training.
        version: Its version in the registry.
        hold_out: The version of the hold-out that it was measured on.
        promoted: Whether it is the champion now.
        reason: Why, or why not.
    """

    products: Products
    version: int
    hold_out: int
    promoted: bool
    reason: str


def _run_name() -> str:
    request = RetrainRequest.model_validate(flow_run.parameters["request"])
    return f"retrain {Path(request.recipe).stem} on {', '.join(request.data)}"


@flow(name="retrain", flow_run_name=_run_name, persist_result=True, result_serializer="json")
def retrain(request: RetrainRequest) -> Retrained:
    """Train by the same recipe on old and new data, and promote the model if it is better.

    The hold-out grows by a share of the new groups; the challenger is not trained on any of it, and
    both models are measured on it.

    Raises:
        InputError: The data, the recipe, the folder or the object store is wrong, or MLflow cannot
            be reached.
    """
    with recorded(request) as recorder:
        recipe = _recipe(request)
        open_store(request.destination).check()
        data, held_out = _held_out(request, recipe, recorder)
        products, version = trained(request, recipe, data, recorder, held_out)
        made = {artifact.stage: artifact for artifact in recorder.record.artifacts}
        promoted, reason = _decided(request, recipe, data, made, version, held_out.version)
        show_decision(version, held_out.version, promoted=promoted, reason=reason)
    return Retrained(
        products=products,
        version=version,
        hold_out=held_out.version,
        promoted=promoted,
        reason=reason,
    )


def _recipe(request: RetrainRequest) -> Recipe:
    if request.recipe != CHAMPION:
        return request.load()
    uri = tracking_uri(request.out)
    standing = champion(uri)
    if standing is None:
        raise InputError(
            "There is no champion yet whose recipe could be taken.",
            "Name the recipe of the first one, such as 'context'.",
        )
    own = champion_recipe(uri, standing)
    # How a model is judged is no property of the champion: what was asked for once, it alone had.
    method = {name: fields for name, fields in own.items() if name not in _JUDGEMENT}
    return parse_recipe(method, request.changes)


def _held_out(
    request: RetrainRequest, recipe: Recipe, recorder: Recorder
) -> tuple[Dataset, HoldOut]:
    """Return the data and the next version of the hold-out, registered before any training."""
    while True:
        earlier = latest_hold_out(request.out)
        before = earlier.data if earlier and request.with_earlier else ()
        addresses = list(dict.fromkeys([*before, *map(_lasting, request.data)]))
        with _told_of_earlier(before):
            data = open_data(addresses, request.cache)
        drawn = _drawn(request, recipe, data, recorder, earlier)
        with lease():
            registered = register_hold_out(request.out, drawn, addresses, earlier)
        if registered:
            return data, registered


@contextmanager
def _told_of_earlier(data: Sequence[str]) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        if not data:
            raise
        remedy = (
            f"{error.remedy} The data of earlier retrainings ({', '.join(data)}) belongs to it,"
            " unless `with_earlier` is off; then `data` must hold all of it at its new addresses."
        )
        raise InputError(error.problem, remedy, error.items) from error


def _drawn(
    request: RetrainRequest,
    recipe: Recipe,
    data: Dataset,
    recorder: Recorder,
    earlier: HoldOut | None,
) -> Artifact:
    planned: list[tuple[Stage, Artifact]] = []

    def do(task: StageTask, **inputs: Any) -> Artifact:
        planned.append((task.stage, task.plan(request.artifacts, **inputs)))
        recorder.plan(recipe, data, planned)
        return task.run(request.artifacts, **inputs)

    labels = do(load_labels, data=data)
    gate = do(validate_data, data=data, labels=labels, settings=recipe.gate)
    do(write_validation, labels=labels, gate=gate)
    groups = do(group_patches, data=data, labels=labels, gate=gate)
    return do(
        draw_hold_out, labels=labels, groups=groups, earlier=earlier, settings=recipe.hold_out
    )


def _decided(
    request: RetrainRequest,
    recipe: Recipe,
    data: Dataset,
    made: Mapping[str, Artifact],
    version: int,
    hold_out: int,
) -> tuple[bool, str]:
    """Return whether a version is the champion now, and why; `made` is its artifact of a stage."""
    out, uri = request.out, tracking_uri(request.out)
    while True:
        standing = champion(uri)
        if standing and standing.version == version:
            return True, "it is the champion already"
        better, reason = True, "there was no champion"
        if rolled_back(out, version):
            better, reason = False, "it has been taken out of service"
        elif standing:
            measured = _measured(request, data, made, standing)
            score_again(out, standing.version, hold_out, measured)
            found = _run(request)(
                challenge_champion,
                challenger=made["evaluate"],
                champion=measured,
                settings=recipe.promotion,
            ).figures
            low, high = found["interval"]
            gain = f"AUC {found['difference']:+.4f} (95 % interval {low:+.4f} to {high:+.4f})"
            better, reason = found["better"], "; ".join(found["objections"]) or gain
        if not better:
            keep(out, version, reason)
            return False, reason
        if promote(out, version, standing.version if standing else None, reason):
            return True, reason


def _measured(
    request: RetrainRequest,
    data: Dataset,
    made: Mapping[str, Artifact],
    standing: Champion,
) -> Artifact:
    """Measure the champion on the challenger's hold-out, patches prepared by its own recipe."""
    uri = tracking_uri(request.out)
    do, labels = _run(request), made["labels"]
    own = parse_recipe(champion_recipe(uri, standing))
    model = do(fetch_champion, model=registered_model(uri, standing))
    with gpu_slot(), employing(dask_workers(request.dask)):
        prepared = do(
            prepare_patches, data=data, labels=labels, gate=made["gate"], settings=own.prepare
        )
        return do(
            measure_on_test,
            data=data,
            labels=labels,
            prepared=prepared,
            splits=made["split"],
            model=model,
            decision=model,
            settings=own.evaluate,
        )


def _run(request: RetrainRequest) -> Callable[..., Artifact]:
    return lambda task, **inputs: task.run(request.artifacts, **inputs)


def _lasting(address: str) -> str:
    """Return an address that means the same in another folder."""
    path = Path(address)
    return str(path.resolve()) if path.exists() else address
