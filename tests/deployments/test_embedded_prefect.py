import os

import pytest
from filelock import FileLock

from deployments import embedded_prefect
from deployments.embedded_prefect import embed_prefect


@pytest.fixture
def homes(tmp_path, monkeypatch):
    """Embed Prefect anew, and tell which home it got."""
    monkeypatch.setattr(embedded_prefect, "_locks", {})
    monkeypatch.delenv("PREFECT_API_URL", raising=False)

    def embedded():
        monkeypatch.setattr(os, "environ", {})
        embed_prefect(tmp_path / "prefect")
        return os.environ.get("PREFECT_HOME")

    return embedded


def test_a_home_is_one_processs_alone(homes, tmp_path):
    (tmp_path / "prefect").mkdir()
    with FileLock(tmp_path / "prefect" / "owner.lock"):
        assert homes() == str(tmp_path / "prefect-2")
        assert homes() == str(tmp_path / "prefect-2")
    assert homes() == str(tmp_path / "prefect")


def test_a_server_of_the_users_own_is_taken(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "environ", {"PREFECT_API_URL": "http://127.0.0.1:4200/api"})
    embed_prefect(tmp_path / "prefect")
    assert "PREFECT_HOME" not in os.environ
