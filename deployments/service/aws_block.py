"""Credentials of S3 from a block of Prefect's, for the runs of a work pool."""

import os
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolUpdate
from prefect.exceptions import ObjectNotFound

from pcam_core.errors import InputError

CREDENTIALS = "PCAM_AWS_CREDENTIALS"
"""Names the `AwsCredentials` block; without it runs find credentials as boto3 does."""

_TYPE = "aws-credentials"
_REFERENCE = "{{ prefect.blocks." + _TYPE + "."
_FIELDS = {
    "AWS_ACCESS_KEY_ID": "aws_access_key_id",
    "AWS_SECRET_ACCESS_KEY": "aws_secret_access_key",
    "AWS_SESSION_TOKEN": "aws_session_token",
    "AWS_PROFILE": "profile_name",
    "AWS_DEFAULT_REGION": "region_name",
    "AWS_ENDPOINT_URL": "aws_client_parameters.endpoint_url",
}


def give_credentials(client: SyncPrefectClient, pool: str) -> None:
    """Have a pool's runs take their credentials from the block that PCAM_AWS_CREDENTIALS names.

    The pool's job template gets references, which a worker follows when it starts a run; the
    secrets stay in the block, encrypted. Without the variable the references are taken out.

    Args:
        client: Of the server.
        pool: Name of the work pool.

    Raises:
        InputError: There is no such block.
    """
    name = os.environ.get(CREDENTIALS)
    template = client.read_work_pool(pool).base_job_template
    field = template["variables"]["properties"].setdefault("env", {"type": "object"})
    before = field.get("default") or {}
    others = {key: told for key, told in before.items() if not str(told).startswith(_REFERENCE)}
    after = others | (_references(client, name) if name else {})
    if after != before:
        field["default"] = after
        client.update_work_pool(pool, WorkPoolUpdate(base_job_template=template))


def _references(client: SyncPrefectClient, name: str) -> dict[str, str]:
    """Return references by variable; there are none to fields that the block leaves out."""
    try:
        block = client.read_block_document_by_name(name, _TYPE, include_secrets=False)
    except ObjectNotFound as error:
        raise InputError(
            f"{CREDENTIALS} names the block {name!r}, and Prefect has none.",
            f"Unset {CREDENTIALS}, start the service, make the block in its UI (Blocks, AWS"
            " Credentials), and start it again.",
        ) from error
    return {
        variable: f"{_REFERENCE}{name}.{field} }}}}"
        for variable, field in _FIELDS.items()
        if _value(block.data, field) is not None
    }


def _value(data: Any, field: str) -> Any:
    for key in field.split("."):
        data = (data or {}).get(key)
    return data
