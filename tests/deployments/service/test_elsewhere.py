import pytest
from typer.testing import CliRunner

from deployments.cli import app

TOLD = {
    "PREFECT_API_URL": "http://user:secret@127.0.0.1:9/api",
    "PCAM_HOME": "/nowhere",
    "PCAM_NEW_DATA": "s3://bucket/new",
}


@pytest.mark.parametrize("missing", TOLD)
def test_a_missing_variable_is_named(monkeypatch, missing):
    monkeypatch.setattr("os.environ", {name: TOLD[name] for name in TOLD if name != missing})
    done = CliRunner().invoke(app, ["deploy"])
    assert done.exit_code == 2
    assert f"{missing} is not set" in done.output


def test_a_server_that_does_not_answer_is_named_without_its_password(monkeypatch):
    monkeypatch.setattr("os.environ", dict(TOLD))
    done = CliRunner().invoke(app, ["deploy"])
    assert done.exit_code == 2
    assert "No server answers at http://127.0.0.1:9/api" in done.output
    assert "secret" not in done.output
