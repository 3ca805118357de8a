import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from pcam_core.datasets.copies import copying, remove_copy, unused_copies
from pcam_core.datasets.generated import generated

ADDRESS = "synth:train=2,test=1,seed=1"
DAY = timedelta(days=1)


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def copy(cache):
    return generated(ADDRESS, cache)


def aged(copy, age):
    then = (datetime.now(UTC) - age).timestamp()
    os.utime(copy, (then, then))


def test_a_copy_that_is_opened_again_counts_as_used(cache, copy):
    aged(copy, 2 * DAY)
    yesterday = datetime.now(UTC) - DAY
    assert unused_copies(cache, yesterday) == [copy]
    generated(ADDRESS, cache)
    assert unused_copies(cache, yesterday) == []
    assert unused_copies(cache, None) == [copy]


def test_what_is_used_is_so_after_the_moment_before(cache):
    before = datetime.now(UTC)
    generated(ADDRESS, cache)
    assert unused_copies(cache, before) == []


def test_hashes_locks_and_links_are_no_copies(cache, copy, tmp_path):
    (cache / "hashes.sqlite").touch()
    (copy.parent / "elsewhere").symlink_to(tmp_path)
    assert unused_copies(cache, None) == [copy]
    assert unused_copies(tmp_path / "absent", None) == []


def test_a_removed_copy_is_made_again(cache, copy):
    remove_copy(copy)
    assert list(copy.parent.iterdir()) == []
    assert (generated(ADDRESS, cache) / "train_labels.csv").is_file()


def test_what_a_process_changes_stays(copy):
    code = (
        "import sys\nfrom pathlib import Path\nfrom pcam_core.datasets.copies import copying\n"
        "with copying(Path(sys.argv[1])): print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, copy], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        remove_copy(copy)
        assert (copy / "train_labels.csv").is_file()
        holder.communicate("\n")
    remove_copy(copy)
    assert not copy.exists()


def test_a_copy_that_is_half_removed_is_not_believed(cache, copy, monkeypatch):
    def killed(folder, ignore_errors=False):
        if not ignore_errors:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            remove_copy(copy)
    assert not copy.exists()
    (rest,) = unused_copies(cache, None)
    generated(ADDRESS, cache)
    remove_copy(rest)
    assert unused_copies(cache, None) == [copy]


def test_a_copy_that_fails_is_not_noted_as_used(cache, copy):
    aged(copy, 2 * DAY)
    with pytest.raises(OSError, match="full"), copying(copy):
        raise OSError("full")
    assert unused_copies(cache, datetime.now(UTC) - DAY) == [copy]
