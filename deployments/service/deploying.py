"""Bringing the server to what the files of `deployments` say."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectAlreadyExists
from prefect.workers.process import ProcessWorker

from deployments.service.commands import POOL
from deployments.service.notifications import BLOCK, WEBHOOK, notifications
from pcam_core.errors import InputError
from tasks.gpu_slot import GPU

_HERE = Path(__file__).parent.parent
_DEPLOYMENTS = _HERE / "prefect.yaml"
_AUTOMATIONS = _HERE / "automations.yaml"


def deploy(client: SyncPrefectClient, cards: int) -> None:
    """Create or renew the work pool, the limit of runs that train, deployments and automations.

    Schedules and automations that people have switched on or off stay so.

    Args:
        client: Of the server; PREFECT_API_URL names the same.
        cards: How many runs may train at once.

    Raises:
        InputError: Prefect refuses a deployment.
    """
    try:
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(
            WorkPoolCreate(name=POOL, type="process", base_job_template=template)
        )
    except ObjectAlreadyExists:
        pass
    client.upsert_global_concurrency_limit_by_name(GPU, cards)
    chosen = _schedules(client)
    _run_prefect_deploy()
    for key, (deployment, schedule, active) in _schedules(client).items():
        if key in chosen and chosen[key][2] != active:
            client.update_deployment_schedule(deployment, schedule, active=chosen[key][2])
    automations = yaml.safe_load(_AUTOMATIONS.read_text(encoding="utf-8"))["automations"]
    told = _save_webhook()
    for fields in automations + (notifications(told) if told else []):
        _automate(client, fields)
    if not told:
        for fields in notifications(""):
            for old in client.read_automations_by_name(fields["name"]):
                client.delete_automation(old.id)


def _schedules(client: SyncPrefectClient) -> dict[tuple[str, str | None], tuple[Any, Any, bool]]:
    return {
        (deployment.name, schedule.slug): (deployment.id, schedule.id, schedule.active)
        for deployment in client.read_deployments()
        for schedule in deployment.schedules
    }


def _run_prefect_deploy() -> None:
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file"]
    done = subprocess.run(  # noqa: S603 - our own command, no shell
        [*command, str(_DEPLOYMENTS)], capture_output=True, text=True, cwd=os.environ["PCAM_HOME"]
    )
    if done.returncode:
        raise InputError(
            f"Prefect refuses {_DEPLOYMENTS}.", (done.stderr or done.stdout).strip()[-2000:]
        )


def _save_webhook() -> str | None:
    """Keep the webhook's address in an encrypted block; return the block's id, if there is one."""
    address = os.environ.get(WEBHOOK)
    if not address:
        return None
    block = Webhook(url=address, headers={"Content-Type": "application/json"})
    return str(block.save(BLOCK, overwrite=True))


def _automate(client: SyncPrefectClient, fields: dict[str, Any]) -> None:
    automation = AutomationCore.model_validate(fields)
    old = client.read_automations_by_name(automation.name)
    if not old:
        client.create_automation(automation)
        return
    automation.enabled = old[0].enabled
    client.update_automation(old[0].id, automation)
