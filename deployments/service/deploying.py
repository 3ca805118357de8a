"""Bringing the server to what the files of `deployments` say."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml  # type: ignore[import-untyped]
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.client.schemas.responses import DeploymentResponse
from prefect.events.schemas.automations import AutomationCore
from prefect.exceptions import ObjectAlreadyExists
from prefect.workers.process import ProcessWorker

from deployments.service.aws_block import give_credentials
from deployments.service.commands import POOL
from deployments.service.notifications import BLOCK, WEBHOOK, notifications
from pcam_core.errors import InputError
from tasks.gpu_slot import GPU

_HERE = Path(__file__).parent.parent
_DEPLOYMENTS = _HERE / "prefect.yaml"
_AUTOMATIONS = _HERE / "automations.yaml"


def deploy(client: SyncPrefectClient, cards: int) -> None:
    """Create or renew the work pool, the limit of runs that train, deployments and automations.

    What people have changed stays: schedules, which are made with their deployment only, and
    deployments and automations that were switched off.

    Args:
        client: Of the server; PREFECT_API_URL names the same.
        cards: How many runs may train at once.

    Raises:
        InputError: Prefect refuses a deployment, or has no block that a variable names.
    """
    try:
        template = ProcessWorker.get_default_base_job_template()
        client.create_work_pool(
            WorkPoolCreate(name=POOL, type="process", base_job_template=template)
        )
    except ObjectAlreadyExists:
        pass
    give_credentials(client, POOL)
    client.upsert_global_concurrency_limit_by_name(GPU, cards)
    told = yaml.safe_load(_DEPLOYMENTS.read_text(encoding="utf-8"))
    off = {each.name for each in client.read_automations() if not each.enabled}
    for deployment in client.read_deployments():
        for fields in told["deployments"]:
            if fields["name"] == deployment.name:
                # Prefect leaves schedules alone that it is not told of.
                fields.pop("schedules", None)
                fields["paused"] = deployment.paused
    _run_prefect_deploy(told)
    shipped = {each["name"] for each in told["deployments"]}
    for deployment in client.read_deployments():
        if deployment.name in shipped:
            _refuse_unknown_parameters(client, deployment)
    webhook = _save_webhook()
    for fields in _shipped_automations() + (notifications(webhook) if webhook else []):
        _automate(client, fields)
    if not webhook:
        for fields in notifications(""):
            for old in client.read_automations_by_name(fields["name"]):
                client.delete_automation(old.id)
    for automation in client.read_automations():
        # Prefect makes those of a deployment anew.
        if automation.name in off and automation.enabled:
            client.pause_automation(automation.id)


def _run_prefect_deploy(told: dict[str, Any]) -> None:
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file"]
    with TemporaryDirectory() as folder:
        file = Path(folder) / _DEPLOYMENTS.name
        file.write_text(yaml.safe_dump(told), encoding="utf-8")
        done = subprocess.run(  # noqa: S603 - our own command, no shell
            [*command, str(file)], capture_output=True, text=True, cwd=os.environ["PCAM_HOME"]
        )
    if done.returncode:
        raise InputError(
            f"Prefect refuses {_DEPLOYMENTS}.", (done.stderr or done.stdout).strip()[-2000:]
        )


def _refuse_unknown_parameters(client: SyncPrefectClient, deployment: DeploymentResponse) -> None:
    """Have the server refuse what no parameter is called; by default the run crashes of it."""
    schema = {**(deployment.parameter_openapi_schema or {}), "additionalProperties": False}
    client.request(
        "PATCH",
        "/deployments/{id}",
        path_params={"id": deployment.id},
        json={"parameter_openapi_schema": schema},
    )


def _shipped_automations() -> list[dict[str, Any]]:
    told = yaml.safe_load(_AUTOMATIONS.read_text(encoding="utf-8"))
    return list(told["automations"])


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
    # An update makes Prefect forget which runs it waits for a sign of life of.
    if AutomationCore.model_validate(old[0].model_dump(exclude={"id"})) != automation:
        client.update_automation(old[0].id, automation)
