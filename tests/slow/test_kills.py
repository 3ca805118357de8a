"""SIGKILL in every stage, Ctrl-C and SIGTERM: the same command goes on and ends the same."""

import json
import os
import random
import signal
import time
from pathlib import Path

import psutil
import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

STAGES = {
    "labels": signal.SIGKILL,
    "gate": signal.SIGKILL,
    "explore": signal.SIGINT,
    "split": signal.SIGKILL,
    "prepare": signal.SIGKILL,
    "compare": signal.SIGKILL,
    "tune": signal.SIGTERM,
    "crossvalidate": signal.SIGKILL,
    "single": signal.SIGKILL,
    "threshold": signal.SIGKILL,
    "evaluate": signal.SIGKILL,
    "model_card": signal.SIGKILL,
    "reference": signal.SIGKILL,
    "explanation": signal.SIGKILL,
    "predict_test": signal.SIGKILL,
    "submission": signal.SIGKILL,
    "upload": signal.SIGKILL,
    "report": signal.SIGKILL,
}
WITHOUT_ITS_SERVER = "gate"
SERVER = "deployments.embedded_server"


def finished_artifacts(out):
    return {path: path.stat().st_mtime_ns for path in out.glob("artifacts/*/manifest.json")}


def servers(out):
    """Embedded servers of a folder that still run."""
    found = []
    for process in psutil.process_iter():
        try:
            same_home = process.environ().get("PREFECT_HOME") == str(out / "prefect")
            if same_home and SERVER in process.cmdline():
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_killed_in_every_stage(tmp_path, side_by_side, submission, start, finish, reached):
    seed = int(time.time())
    print("seed", seed)
    rng = random.Random(seed)
    reference, _ = side_by_side
    before = {}
    for stage, number in STAGES.items():
        if list(tmp_path.glob(f"artifacts/{stage}-*/manifest.json")):
            continue  # finished before the run that was to die one stage earlier did
        (manifest,) = reference.glob(f"artifacts/{stage}-*/manifest.json")
        took = json.loads(manifest.read_text())["seconds"]
        running = start(tmp_path)
        assert reached(running, tmp_path, stage), running.communicate()
        assert len(servers(tmp_path)) == 1, "the server of a run that was killed alone still runs"
        time.sleep(rng.uniform(0, min(took, 3) / 2))
        if stage == WITHOUT_ITS_SERVER:
            running.kill()
            running.wait()
            continue
        os.killpg(running.pid, number)
        told = time.monotonic()
        _, errors = running.communicate()
        if number != signal.SIGKILL:
            assert running.returncode == 1
            assert time.monotonic() - told < 10
            assert "Give the same command again" in errors
        assert not servers(tmp_path), f"{stage}: a server outlived its run"
        now = finished_artifacts(tmp_path)
        assert before.items() <= now.items(), f"{stage}: a finished artifact was made again"
        before = now
    found = finish(start(tmp_path))
    assert before.items() <= finished_artifacts(tmp_path).items()
    assert Path(found["submission"]).read_bytes() == submission
    assert not list(tmp_path.glob("artifacts/*/checkpoints"))
