"""What `deployments` ships in plain Prefect."""

from datetime import UTC, datetime, timedelta
from inspect import signature
from pathlib import Path
from uuid import uuid4

import pytest
import yaml
from prefect.events.schemas.automations import AutomationCore
from prefect.flows import load_flow_from_entrypoint
from prefect.server.events.schemas.automations import Automation
from prefect.server.events.schemas.events import ReceivedEvent
from pydantic import BaseModel

import deployments
from deployments.prefect_settings import SETTINGS
from deployments.service.commands import POOL
from deployments.service.notifications import notifications

HERE = Path(deployments.__file__).parent
DEPLOYMENTS = yaml.safe_load((HERE / "prefect.yaml").read_text())["deployments"]
AUTOMATIONS = yaml.safe_load((HERE / "automations.yaml").read_text())["automations"]
ALL_AUTOMATIONS = [*AUTOMATIONS, *notifications("0" * 32)]


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


def automation(name):
    (found,) = (each for each in ALL_AUTOMATIONS if each["name"] == name)
    return found


def test_a_run_may_miss_two_heartbeats():
    zombies = AutomationCore.model_validate(automation("crash runs that give no sign of life"))
    heartbeat = timedelta(seconds=int(SETTINGS["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"]))
    assert zombies.trigger.within >= 3 * heartbeat


def crashes(count):
    """The event of a run's crash, having run so many times, as Prefect's server knows it."""
    return ReceivedEvent(
        occurred=datetime(2026, 11, 23, tzinfo=UTC),
        event="prefect.flow-run.Crashed",
        resource={"prefect.resource.id": "prefect.flow-run.1", "prefect.run-count": str(count)},
        related=[
            {"prefect.resource.id": "prefect.work-pool.1", "prefect.resource.role": "work-pool"}
        ],
        id=uuid4(),
    )


def taking_up(event):
    """Return the names of the automations that take up the run of an event."""
    return [
        each["name"]
        for each in AUTOMATIONS
        if each["trigger"]["posture"] == "Reactive"
        and Automation.model_validate(each).trigger.covers(event)
    ]


def test_every_crash_is_taken_up_or_told():
    """A run is taken up by one automation at most, and never without end."""
    assert taking_up(crashes(0)) == ["take runs up again that crashed before they started"]
    assert automation("take runs up again that crashed before they started")["trigger"]["within"]
    for count in (1, 2):
        assert taking_up(crashes(count)) == ["take crashed runs up again"]
    for count in (3, 4, 10):
        assert not taking_up(crashes(count))
    lost = automation("notify of lost runs")["trigger"]
    assert lost["posture"] == "Proactive"
    assert lost["after"] == ["prefect.flow-run.Crashed"]
    for count in range(5):
        assert Automation.model_validate(automation("notify of lost runs")).trigger.covers(
            crashes(count)
        )
    (expected,) = {
        f"prefect.flow-run.{each['actions'][0]['name']}"
        for each in AUTOMATIONS
        if "name" in each["actions"][0]
    }
    assert expected in lost["expect"]


@pytest.mark.parametrize("fields", ALL_AUTOMATIONS, ids=lambda a: a["name"])
def test_what_is_waited_for_in_vain_is_waited_for_again(fields):
    """The second time starts anew only where the event that starts it is expected, too."""
    trigger = fields["trigger"]
    if trigger["posture"] == "Proactive":
        assert set(trigger["after"]) <= set(trigger["expect"])


def test_a_refused_event_is_told_and_a_failing_webhook_is_not():
    trigger = Automation.model_validate(automation("notify of refused events")).trigger

    def failed(name):
        return ReceivedEvent(
            occurred=datetime(2026, 11, 23, tzinfo=UTC),
            event="prefect.automation.action.failed",
            resource={
                "prefect.resource.id": "prefect.automation.1",
                "prefect.resource.name": name,
            },
            id=uuid4(),
        )

    (name,) = (trigger["name"] for each in DEPLOYMENTS for trigger in each.get("triggers", ()))
    assert trigger.covers(failed(name))
    assert not trigger.covers(failed("notify of refused events"))


@pytest.mark.parametrize("fields", ALL_AUTOMATIONS, ids=lambda a: a["name"])
def test_automations_are_prefects(fields):
    AutomationCore.model_validate(fields)
