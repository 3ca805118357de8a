"""What `deployments` ships in plain Prefect."""

from datetime import timedelta
from inspect import signature
from pathlib import Path

import pytest
import yaml
from prefect.events.schemas.automations import AutomationCore
from prefect.flows import load_flow_from_entrypoint
from pydantic import BaseModel

import deployments
from deployments.prefect_settings import SETTINGS
from deployments.service.commands import POOL
from deployments.service.notifications import PROMOTED, notifications

HERE = Path(deployments.__file__).parent
DEPLOYMENTS = yaml.safe_load((HERE / "prefect.yaml").read_text())["deployments"]
AUTOMATIONS = yaml.safe_load((HERE / "automations.yaml").read_text())["automations"]


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=lambda deployment: deployment["name"])
def test_a_deployment_runs_a_flow_with_one_explained_parameter(deployment):
    flow = load_flow_from_entrypoint(deployment["entrypoint"])
    (parameter,) = signature(flow.fn).parameters.values()
    assert parameter.name == "request"
    assert issubclass(parameter.annotation, BaseModel)
    for field in parameter.annotation.model_json_schema()["properties"].values():
        assert field["title"]
        assert field["description"]
    assert deployment["work_pool"] == {"name": POOL}
    assert flow.name == deployment["name"]


def test_schedules_wait_for_somebody_to_start_them():
    schedules = [one for each in DEPLOYMENTS for one in each.get("schedules", [])]
    assert schedules
    assert not any(schedule["active"] for schedule in schedules)
    assert all(schedule["slug"] for schedule in schedules), "what people chose is kept by slug"


@pytest.mark.parametrize("name", ["retrain", "score"])
def test_runs_that_must_not_meet_queue(name):
    (deployment,) = (each for each in DEPLOYMENTS if each["name"] == name)
    assert deployment["concurrency_limit"] == {"limit": 1, "collision_strategy": "ENQUEUE"}


def test_a_run_may_miss_two_heartbeats():
    zombies = AutomationCore.model_validate(AUTOMATIONS[0])
    heartbeat = timedelta(seconds=int(SETTINGS["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]))
    assert zombies.trigger.within >= 3 * heartbeat


@pytest.mark.parametrize(
    "fields", [*AUTOMATIONS, *notifications("0" * 32)], ids=lambda a: a["name"]
)
def test_automations_are_prefects(fields):
    AutomationCore.model_validate(fields)


def test_promotions_are_told_by_their_event():
    from tasks import promotion

    assert promotion.PROMOTED == PROMOTED
