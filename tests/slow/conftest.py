"""Whole runs of the miniature recipe, as a user starts them."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from filelock import FileLock

PCAM = Path(sys.executable).with_name("pcam")
LONGEST = [
    "test_production.py",
    "test_up.py",
    "test_kills.py",
    "test_demo.py",
    "test_full_disk.py",
    "test_leaks.py",
    "test_power.py",
    "test_backbones_jax.py",
    "test_corruption.py",
    "test_retrain.py",
]


def pytest_collection_modifyitems(items):
    """Let what takes longest begin first, so that no process works alone in the end."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture(scope="session")
def start(generated, miniature_recipe):
    """Start `pcam train` into a folder, in a process group of its own."""

    arguments = ["train", "--data", generated, "--recipe", miniature_recipe, "--json"]

    def started(out):
        return subprocess.Popen(
            [PCAM, *arguments, "--out", out],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
            # A shell in the background hands down that Ctrl-C is ignored.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
        )

    return started


@pytest.fixture(scope="session")
def finish():
    """Wait for a started run and return what it found."""

    def finished(running):
        output, errors = running.communicate()
        assert running.returncode == 0, errors
        return json.loads(output)

    return finished


@pytest.fixture(scope="session")
def reached():
    """Wait until a run works on a stage (True) or has ended (False)."""

    def waited(running, out, stage):
        while running.poll() is None:
            # A run that was killed leaves such folders too, but holds no lock any more.
            for workshop in out.glob(f"artifacts/.building/{stage}-*/"):
                if holds(running, f"{workshop}.lock"):
                    return True
            time.sleep(0.001)
        return False

    def holds(running, lock):
        with suppress(psutil.NoSuchProcess):
            return any(file.path == lock for file in psutil.Process(running.pid).open_files())
        return False

    return waited


@pytest.fixture(scope="session")
def side_by_side(tmp_path_factory, start):
    """Two runs at once into one folder: the folder and, of each, (output, errors).

    The processes of a test session share it: leave it as it is.
    """
    shared = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = shared.parent
    out, told = shared / "side_by_side", shared / "side_by_side.json"
    with FileLock(f"{out}.lock"):
        if not told.exists():
            both = [start(out), start(out)]
            ended = [running.communicate() for running in both]
            assert [running.returncode for running in both] == [0, 0], ended
            told.write_text(json.dumps(ended))
    return out, json.loads(told.read_text())


@pytest.fixture(scope="session")
def submission(side_by_side):
    """The bytes that every run of this recipe must submit."""
    return Path(json.loads(side_by_side[1][0][0])["submission"]).read_bytes()
