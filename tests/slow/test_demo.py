"""The demo as a stranger runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]


def demo(out):
    command = [Path(sys.executable).with_name("pcam"), "demo", "--out", out, "--json"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def manifests(out):
    return {path: path.stat().st_mtime_ns for path in out.glob("artifacts/*/manifest.json")}


def test_demo_ends_with_a_measured_model_and_a_second_one_computes_nothing(tmp_path):
    first = demo(tmp_path)
    assert first.returncode == 0, first.stderr
    found = json.loads(first.stdout)
    low, high = found["auc_interval"]
    assert 0.5 < low < found["auc"] < high
    for product in ("report", "model_file", "submission"):
        assert Path(found[product]).is_file()
    before = manifests(tmp_path)
    second = demo(tmp_path)
    assert second.returncode == 0, second.stderr
    assert "nothing was computed" in second.stderr
    assert json.loads(second.stdout) == found
    assert manifests(tmp_path) == before
