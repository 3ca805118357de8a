"""Data that is cached from run to run: mirrors of buckets, unpacked files, generated patches."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def filling(entry: Path) -> Iterator[None]:
    """Bring an entry up to date in the block, as the only process that does.

    Args:
        entry: Its folder, "<cache>/<kind>/<name>"; made where it is absent.
    """
    entry.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock_of(entry)):
        entry.mkdir(exist_ok=True)
        yield
        now = datetime.now(UTC).timestamp()  # of the clock that runs are told by
        os.utime(entry, (now, now))


def lock_of(entry: Path) -> Path:
    """Return the file that a process locks while it changes this entry."""
    return entry.with_name(f"{entry.name}.lock")


def unused_entries(cache: Path, since: datetime) -> list[Path]:
    """Return the entries of a cache that nobody has opened since a time."""
    found = (path for path in cache.glob("*/[!.]*") if path.is_dir() and not path.is_symlink())
    return sorted(entry for entry in found if _last_used(entry) < since)


def remove_entry(entry: Path) -> None:
    """Remove an entry, unless a process is changing it."""
    lock = lock_of(entry)
    with suppress(Timeout), FileLock(lock, timeout=0):
        # What is killed half-way leaves the rest where no reader looks and a later prune does.
        rest = entry.with_name(f"removed-{entry.name}")
        shutil.rmtree(rest, ignore_errors=True)
        entry.rename(rest)
        shutil.rmtree(rest)
        lock.unlink()


def _last_used(entry: Path) -> datetime:
    return datetime.fromtimestamp(entry.stat().st_mtime, UTC)
