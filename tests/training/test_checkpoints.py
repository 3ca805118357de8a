import errno
import logging

import numpy as np
import pytest

from pcam_core.training.checkpoints import Checkpoints
from pcam_core.training.state_file import State


def state(step):
    return State({"weights": np.full(3, step)}, {"step": step})


def latest(folder):
    found = Checkpoints(folder, 60).latest()
    return found.plain["step"] if found else None


@pytest.fixture
def saved(tmp_path):
    """Checkpoints of steps 1 to 3."""
    checkpoints = Checkpoints(tmp_path, 60)
    for step in (1, 2, 3):
        checkpoints.save(state(step))
    return tmp_path


def test_none_at_first(tmp_path):
    assert latest(tmp_path / "none") is None


def test_the_newest_of_two_is_found(saved):
    assert len(list(saved.iterdir())) == 2
    assert latest(saved) == 3


def test_a_damaged_one_is_told_and_the_one_before_it_used(saved, caplog):
    newest = max(saved.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    content = bytearray(newest.read_bytes())
    content[-20] ^= 1
    newest.write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert latest(saved) == 2
    assert str(newest) in caplog.text
    assert "damaged" in caplog.text
    for path in saved.iterdir():
        path.write_bytes(b"")
    assert latest(saved) is None


def test_going_on_writes_over_the_older(saved):
    checkpoints = Checkpoints(saved, 60)
    checkpoints.latest()
    checkpoints.save(state(4))
    assert latest(saved) == 4
    newest = max(saved.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    newest.unlink()
    assert latest(saved) == 3


def test_a_full_disk_leaves_both_as_they_were(saved, monkeypatch):
    before = {path: path.read_bytes() for path in saved.iterdir()}
    checkpoints = Checkpoints(saved, 60)
    checkpoints.latest()

    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("pcam_core.atomic.sync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(state(4))
    assert {path: path.read_bytes() for path in saved.iterdir()} == before


def test_due_after_so_many_seconds(tmp_path):
    assert Checkpoints(tmp_path, 0).due
    checkpoints = Checkpoints(tmp_path, 60)
    assert not checkpoints.due
