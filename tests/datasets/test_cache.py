import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from pcam_core.datasets.cache import filling, remove_entry, unused_entries
from pcam_core.datasets.generated import generated

ADDRESS = "synth:train=2,test=1,seed=1"
DAY = timedelta(days=1)
TOMORROW = datetime.now(UTC) + DAY


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def entry(cache):
    return generated(ADDRESS, cache)


def aged(entry, age):
    then = (datetime.now(UTC) - age).timestamp()
    os.utime(entry, (then, then))


def test_an_entry_that_is_opened_again_counts_as_used(cache, entry):
    aged(entry, 2 * DAY)
    yesterday = datetime.now(UTC) - DAY
    assert unused_entries(cache, yesterday) == [entry]
    generated(ADDRESS, cache)
    assert unused_entries(cache, yesterday) == []
    assert unused_entries(cache, TOMORROW) == [entry]


def test_what_is_used_is_so_after_the_moment_before(cache):
    before = datetime.now(UTC)
    generated(ADDRESS, cache)
    assert unused_entries(cache, before) == []


def test_hashes_locks_and_links_are_no_entries(cache, entry, tmp_path):
    (cache / "hashes.sqlite").touch()
    (entry.parent / "elsewhere").symlink_to(tmp_path)
    assert unused_entries(cache, TOMORROW) == [entry]
    assert unused_entries(tmp_path / "absent", TOMORROW) == []


def test_a_removed_entry_is_made_again(cache, entry):
    remove_entry(entry)
    assert list(entry.parent.iterdir()) == []
    assert (generated(ADDRESS, cache) / "train_labels.csv").is_file()


def test_what_a_process_changes_stays(entry):
    code = (
        "import sys\nfrom pathlib import Path\nfrom pcam_core.datasets.cache import filling\n"
        "with filling(Path(sys.argv[1])): print('held', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, entry],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        remove_entry(entry)
        assert (entry / "train_labels.csv").is_file()
        holder.communicate("\n")
    remove_entry(entry)
    assert not entry.exists()


def test_an_entry_that_is_half_removed_is_not_believed(cache, entry, monkeypatch):
    def killed(folder, ignore_errors=False):
        if not ignore_errors:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(shutil, "rmtree", killed)
        with pytest.raises(KeyboardInterrupt):
            remove_entry(entry)
    assert not entry.exists()
    (rest,) = unused_entries(cache, TOMORROW)
    generated(ADDRESS, cache)
    remove_entry(rest)
    assert unused_entries(cache, TOMORROW) == [entry]


def test_an_entry_that_fails_is_not_noted_as_used(cache, entry):
    aged(entry, 2 * DAY)
    with pytest.raises(OSError, match="full"), filling(entry):
        raise OSError("full")
    assert unused_entries(cache, datetime.now(UTC) - DAY) == [entry]
