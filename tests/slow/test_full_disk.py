"""A disk that fills up while a run writes to it."""

import random
import signal
import subprocess
import time
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 900 MB: what stages ask for in advance, and little more."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=900m", "tmpfs", tmp_path]
    made = subprocess.run(mount, capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"this user cannot mount a tmpfs: {made.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", "--lazy", tmp_path], check=True)


def fill(disk):
    """Write until the last block is taken."""
    with (disk / "filler").open("wb", buffering=0) as filler:
        for size in (1 << 20, 512):
            try:
                while True:
                    filler.write(bytes(size))
            except OSError:
                continue


def test_run_stops_with_the_reason_and_goes_on_once_there_is_space(
    small_disk, submission, start, finish, reached
):
    seed = int(time.time())
    print("seed", seed)
    rng = random.Random(seed)
    out = small_disk / "out"
    running = start(out)
    stage = rng.choice(["tune", "single"])
    assert reached(running, out, stage)
    # What it needs is asked for before its first file, with another message.
    while not any(out.glob(f"artifacts/.building/{stage}-*/*")):
        time.sleep(0.001)
        assert running.poll() is None
    time.sleep(rng.uniform(0, 0.3))
    running.send_signal(signal.SIGSTOP)  # filling takes longer than some stages
    fill(small_disk)
    running.send_signal(signal.SIGCONT)
    _, errors = running.communicate()
    assert running.returncode == 1, errors
    assert "the disk is full" in errors
    assert "Free some space" in errors
    (small_disk / "filler").unlink()
    assert Path(finish(start(out))["submission"]).read_bytes() == submission
