"""A run that is killed goes on where it was; every stage in turn is killed by `test-slow`."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

from flows.train import finished, train

PCAM = Path(sys.executable).with_name("pcam")


def manifests(out):
    return {path: path.stat().st_mtime_ns for path in out.glob("artifacts/*/manifest.json")}


def test_killed_run_goes_on_and_submits_the_same(products, request_, tmp_path):
    seed = int(time.time())
    print("seed", seed)
    rng = random.Random(seed)
    stage = rng.choice(["gate", "prepare", "compare", "tune"])
    arguments = ["--data", *request_.data, "--recipe", request_.recipe, "--out", tmp_path]
    running = subprocess.Popen([PCAM, "train", *arguments], start_new_session=True)
    while running.poll() is None and not list(tmp_path.glob(f"artifacts/.building/{stage}-*/")):
        time.sleep(0.01)
    time.sleep(rng.uniform(0, 1))
    os.killpg(running.pid, signal.SIGKILL)
    assert running.wait() == -signal.SIGKILL

    before = manifests(tmp_path)
    request = request_.model_copy(update={"out": tmp_path})
    assert finished(request) is None
    again = train(request)
    assert before.items() <= manifests(tmp_path).items()
    assert again.submission.key == products.submission.key
    files = [found.submission.path / "submission.csv" for found in (again, products)]
    assert files[0].read_bytes() == files[1].read_bytes()
