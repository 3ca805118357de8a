"""Runs take S3's credentials from a block; the server stores references only."""

import asyncio
from types import SimpleNamespace

import httpx
import pytest
from prefect.exceptions import ObjectNotFound
from prefect.workers.process import ProcessJobConfiguration, ProcessWorker

from deployments.service.aws_block import CREDENTIALS, give_credentials
from pcam_core.errors import InputError

SECRET = "planted-key-4716"
BLOCK = {
    "aws_access_key_id": "planted-id",
    "aws_secret_access_key": SECRET,
    "region_name": "eu-central-1",
    "aws_session_token": None,
    "aws_client_parameters": {"endpoint_url": "https://s3.example", "use_ssl": True},
}


class Server:
    """Has a work pool, and blocks by name; it tells secrets only to those who ask for them."""

    def __init__(self, **blocks):
        self.blocks = blocks
        self.pool = ProcessWorker.get_default_base_job_template()
        self.pool["variables"]["properties"]["env"]["default"] = {"MINE": "1"}
        self.updates = 0

    def read_work_pool(self, name):
        assert name == "pcam"
        return SimpleNamespace(base_job_template=self.pool)

    def update_work_pool(self, _, change):
        self.pool = change.base_job_template
        self.updates += 1

    def read_block_document_by_name(self, name, block_type_slug, include_secrets=True):
        if block_type_slug != "aws-credentials" or name not in self.blocks:
            raise ObjectNotFound(httpx.HTTPError("no such block"))
        block = dict(self.blocks[name])
        if not include_secrets and "aws_secret_access_key" in block:
            block["aws_secret_access_key"] = "********"
        return SimpleNamespace(data=block)


class Worker:
    """The client of a worker."""

    def __init__(self, server):
        self._server = server

    async def read_block_document_by_name(self, name, block_type_slug):
        return self._server.read_block_document_by_name(name, block_type_slug)


def variables_of_a_run(server, **own):
    """Return the variables that a worker adds for a run, which may have some of its own."""
    job = ProcessJobConfiguration.from_template_and_values(
        server.pool, {"env": own}, client=Worker(server)
    )
    return asyncio.run(job).env


def test_a_run_gets_what_the_block_has_and_the_pool_keeps_no_secret(monkeypatch):
    server = Server(s3=BLOCK)
    monkeypatch.setenv(CREDENTIALS, "s3")
    give_credentials(server, "pcam")
    assert SECRET not in str(server.pool)
    assert variables_of_a_run(server, OTHER="2") == {
        "MINE": "1",
        "OTHER": "2",
        "AWS_ACCESS_KEY_ID": "planted-id",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": "https://s3.example",
    }
    server.blocks["s3"] = BLOCK | {"aws_secret_access_key": "another"}
    assert variables_of_a_run(server)["AWS_SECRET_ACCESS_KEY"] == "another"
    give_credentials(server, "pcam")
    assert server.updates == 1


def test_a_block_may_leave_fields_out(monkeypatch):
    server = Server(s3={"profile_name": "pcam"})
    monkeypatch.setenv(CREDENTIALS, "s3")
    give_credentials(server, "pcam")
    assert variables_of_a_run(server) == {"MINE": "1", "AWS_PROFILE": "pcam"}


def test_without_the_variable_what_people_set_stays(monkeypatch):
    server = Server(s3=BLOCK)
    monkeypatch.setenv(CREDENTIALS, "s3")
    give_credentials(server, "pcam")
    monkeypatch.delenv(CREDENTIALS)
    give_credentials(server, "pcam")
    assert variables_of_a_run(server) == {"MINE": "1"}


def test_a_block_that_is_not_there_is_named(monkeypatch):
    monkeypatch.setenv(CREDENTIALS, "s4")
    with pytest.raises(InputError, match=f"{CREDENTIALS} names the block 's4'.*Unset"):
        give_credentials(Server(s3=BLOCK), "pcam")
