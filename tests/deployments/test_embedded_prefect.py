import os
import signal
import subprocess
import sys

import pytest
from filelock import FileLock

from deployments import embedded_prefect
from deployments.embedded_prefect import embed_prefect, stop_server, wait_for_server
from pcam_core.errors import InputError
from pcam_core.runs.process_identity import this_process


@pytest.fixture
def homes(tmp_path, monkeypatch):
    """Embed Prefect anew, and tell which home it got."""
    monkeypatch.setattr(embedded_prefect, "_locks", {})
    monkeypatch.setattr(embedded_prefect, "_start", lambda home: found.append(str(home)))
    found = []

    def embedded():
        monkeypatch.setattr(os, "environ", {})
        embed_prefect(tmp_path / "prefect")
        return found.pop()

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
    wait_for_server()


@pytest.fixture
def server(tmp_path, monkeypatch):
    """Let a process stand for the embedded server."""

    def embedded(code):
        process = subprocess.Popen([sys.executable, "-c", code])
        nowhere = "http://127.0.0.1:9/api"
        found = embedded_prefect._Server(process, nowhere, tmp_path / "server.log")
        monkeypatch.setattr(embedded_prefect, "_server", found)
        return process

    return embedded


def test_a_server_that_ends_is_told(server, tmp_path):
    server("raise SystemExit(3)")
    with pytest.raises(InputError, match=r"ended at once \(exit code 3\)") as caught:
        wait_for_server()
    assert str(tmp_path / "server.log") in caught.value.remedy


def test_a_server_that_does_not_answer_yet_is_stopped_all_the_same(server):
    process = server("import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(60)")
    stop_server()
    assert process.poll() == -signal.SIGKILL
    wait_for_server()


def test_only_servers_of_those_that_are_gone_end(tmp_path, monkeypatch):
    """A process that was given the number of one that has ended does not count as it."""
    owner = this_process()
    gone = owner.model_copy(update={"started": owner.started - 3600})

    def server(of, home):
        told = {"PCAM_SERVER_OWNER": of.model_dump_json(), "PREFECT_HOME": str(home)}
        command = [sys.executable, "-c", "import time; time.sleep(60)"]
        return subprocess.Popen(command, env=os.environ | told)

    orphan, elsewhere = server(gone, tmp_path), server(gone, tmp_path / "other")
    owned = server(owner, tmp_path)
    try:
        embedded_prefect._end_orphans(str(tmp_path))
        assert orphan.poll() is not None
        assert owned.poll() is None
        assert elsewhere.poll() is None
    finally:
        for process in (orphan, elsewhere, owned):
            process.kill()
            process.wait()
