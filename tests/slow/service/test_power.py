"""What a loss of power costs: server, worker and the run that trains are killed at once."""

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def service(serve):
    with serve() as running:
        yield running


def slots_taken(service):
    found = {limit["name"]: limit for limit in service.all_of("v2/concurrency_limits")}
    return found["gpu"]["active_slots"]


def edit_schedules(service):
    """Do what people do in the UI: edit a schedule, and add one."""
    deployment = service.deployment("score")
    (nightly,) = deployment["schedules"]
    place = f"deployments/{deployment['id']}/schedules"
    cron = {"cron": "30 4 * * *", "timezone": "Europe/Berlin"}
    mine = {"schedule": cron, "parameters": {"request": {"data": ["s3://pcam/mine"]}}}
    assert service.api.patch(f"{place}/{nightly['id']}", json=mine).status_code == 204
    more = {"schedule": {"interval": 7200}, "active": False, "parameters": {}}
    assert service.api.post(place, json=[more]).status_code == 201


def test_the_slot_of_a_run_that_died_with_the_server_is_free_again(
    service, generated, miniature_recipe
):
    changes = {"final.training.epochs": 500, "final.training.max_steps": None}
    slow = {"data": [str(generated)], "recipe": miniature_recipe, "changes": changes}
    edit_schedules(service)
    edited = service.deployment("score")["schedules"]
    service.submit("train", slow)
    service.until(lambda: slots_taken(service) == 1)
    service.kill()
    service.start()
    assert slots_taken(service) == 1
    assert service.deployment("score")["schedules"] == edited
    quick = {"data": [str(generated)], "recipe": miniature_recipe}
    run = service.submit("train", quick).json()["id"]

    def ended():
        found = service.api.get(f"flow_runs/{run}").json()
        return found if found["state_type"] in {"COMPLETED", "FAILED", "CRASHED"} else None

    found = service.until(ended, 400)
    assert found["state_type"] == "COMPLETED", service.log_of(run)
    assert slots_taken(service) == 0
