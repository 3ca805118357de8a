"""Hashes of raw files, remembered so that only new or changed files are read again."""

import os
import sqlite3
import stat
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from pcam_core.atomic import sha256_of
from pcam_core.errors import InputError
from pcam_core.listing import count, listing
from pcam_core.progress import track

_TABLE = """CREATE TABLE IF NOT EXISTS hashes
(path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, inode INTEGER, sha256 TEXT)"""


def hash_files(paths: Iterable[Path], memory: Path) -> dict[Path, tuple[int, str]]:
    """Return (bytes, hex sha256) of each file.

    A file is read only if its path, size, modification time or inode is not the one
    remembered in `memory`, an SQLite file that is made where it is missing.

    Raises:
        InputError: Some are missing, unreadable or no regular files; all of them are named. Or
            `memory` is damaged.
    """
    memory.parent.mkdir(parents=True, exist_ok=True)
    try:
        with closing(sqlite3.connect(memory, timeout=60)) as database:
            hashes, faults = _hash(paths, database)
    except sqlite3.OperationalError:  # locked, or the disk is full
        raise
    except sqlite3.DatabaseError as error:
        raise InputError(
            f"{memory} is damaged ({error}).", "Remove it: it saves time only."
        ) from error
    if faults:
        raise InputError(
            f"{count(faults, 'file')} cannot be read: {listing(faults)}.",
            "Put them back, allow this user to read them, or remove them with their rows.",
            faults,
        )
    return hashes


def _hash(
    paths: Iterable[Path], database: sqlite3.Connection
) -> tuple[dict[Path, tuple[int, str]], list[str]]:
    database.execute(_TABLE)
    known = {row[0]: row[1:] for row in database.execute("SELECT * FROM hashes")}
    hashes, fresh, faults = {}, [], []
    for path in paths:
        try:
            status = path.stat()
        except OSError as error:
            faults.append(f"{path} ({error.strerror})")
            continue
        if not stat.S_ISREG(status.st_mode):
            faults.append(f"{path} (not a regular file)")
            continue
        identity = (status.st_size, status.st_mtime_ns, status.st_ino)
        remembered = known.get(str(path.resolve()))
        if remembered and tuple(remembered[:3]) == identity:
            hashes[path] = (status.st_size, remembered[3])
        else:
            fresh.append((path, identity))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        computed = pool.map(_digest, (path for path, _ in fresh))
        for (path, identity), digest in track(
            zip(fresh, computed, strict=True), "Hash raw files", len(fresh)
        ):
            if isinstance(digest, OSError):
                faults.append(f"{path} ({digest.strerror})")
                continue
            hashes[path] = (identity[0], digest)
            row = (str(path.resolve()), *identity, digest)
            database.execute("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?, ?)", row)
    database.commit()
    return hashes, faults


def _digest(path: Path) -> str | OSError:
    try:
        return sha256_of(path)
    except OSError as error:
        return error
