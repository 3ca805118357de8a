"""What is kept of data from run to run: mirrors of buckets, unpacked files, generated patches."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def copying(folder: Path) -> Iterator[None]:
    """Bring a copy up to date in the block, as the only process that does.

    Args:
        folder: The copy, "<cache>/<kind>/<name>"; made where it is absent.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(lock_of(folder)):
        folder.mkdir(exist_ok=True)
        yield
        now = datetime.now(UTC).timestamp()  # of the clock that runs are told by
        os.utime(folder, (now, now))


def lock_of(folder: Path) -> Path:
    """Return the file that a process locks while it changes this copy."""
    return folder.with_name(f"{folder.name}.lock")


def unused_copies(cache: Path, since: datetime | None) -> list[Path]:
    """Return the copies below a cache that nobody has opened since a time; of None, all."""
    found = (path for path in cache.glob("*/[!.]*") if path.is_dir() and not path.is_symlink())
    return sorted(folder for folder in found if since is None or _last_used(folder) < since)


def remove_copy(folder: Path) -> None:
    """Remove a copy, unless a process is changing it."""
    lock = lock_of(folder)
    with suppress(Timeout), FileLock(lock, timeout=0):
        # What is killed half-way leaves the rest where no reader looks and a later prune does.
        rest = folder.with_name(f"removed-{folder.name}")
        shutil.rmtree(rest, ignore_errors=True)
        folder.rename(rest)
        shutil.rmtree(rest)
        lock.unlink()


def _last_used(folder: Path) -> datetime:
    return datetime.fromtimestamp(folder.stat().st_mtime, UTC)
