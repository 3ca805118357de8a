"""The demo as a stranger runs it, and killed in the middle."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

PCAM = str(Path(sys.executable).with_name("pcam"))


def pcam(*arguments):
    return subprocess.run([PCAM, *map(str, arguments)], capture_output=True, text=True, check=False)


def manifests(out):
    return {path: path.stat().st_mtime_ns for path in out.glob("artifacts/*/manifest.json")}


def test_demo_ends_with_a_measured_model_and_a_second_one_computes_nothing(tmp_path):
    first = pcam("demo", "--out", tmp_path, "--json")
    assert first.returncode == 0, first.stderr
    found = json.loads(first.stdout)
    low, high = found["auc_interval"]
    assert 0.5 < low < found["auc"] < high
    for product in ("report", "model_file", "submission"):
        assert Path(found[product]).is_file()
    before = manifests(tmp_path)
    second = pcam("demo", "--out", tmp_path, "--json")
    assert second.returncode == 0, second.stderr
    assert "nothing was computed" in second.stderr
    assert json.loads(second.stdout) == found
    assert manifests(tmp_path) == before


def test_killed_run_goes_on_and_gives_the_same_submission(tmp_path, generated, miniature_recipe):
    arguments = ["train", "--data", generated, "--recipe", miniature_recipe, "--json", "--out"]
    undisturbed = pcam(*arguments, tmp_path / "undisturbed")
    assert undisturbed.returncode == 0, undisturbed.stderr
    out = tmp_path / "killed"
    seed = int(time.time())
    print("seed", seed)
    rng = random.Random(seed)
    stages = ["prepare", "tune", "report"]
    for stage in stages:
        running = subprocess.Popen(
            [PCAM, *map(str, arguments), str(out)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        while running.poll() is None and not list(out.glob(f"artifacts/.building/{stage}-*/")):
            time.sleep(0.02)
        time.sleep(rng.uniform(0, 0.5))
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()
    done = pcam(*arguments, out)
    assert done.returncode == 0, done.stderr
    expected = json.loads(undisturbed.stdout)
    found = json.loads(done.stdout)
    assert Path(found["submission"]).read_bytes() == Path(expected["submission"]).read_bytes()
