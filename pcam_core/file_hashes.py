"""Hashes of raw files, remembered so that only new or changed files are read again."""

import os
import sqlite3
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from pcam_core.atomic import sha256_of
from pcam_core.progress import track

_TABLE = """CREATE TABLE IF NOT EXISTS hashes
(path TEXT PRIMARY KEY, size INTEGER, mtime_ns INTEGER, inode INTEGER, sha256 TEXT)"""


def hash_files(paths: Iterable[Path], memory: Path) -> dict[Path, tuple[int, str]]:
    """Return (bytes, hex sha256) of each file.

    A file is read only if its path, size, modification time or inode is not the one
    remembered in `memory`, an SQLite file that is made where it is missing.
    """
    memory.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(memory, timeout=60)) as database:
        database.execute(_TABLE)
        known = {row[0]: row[1:] for row in database.execute("SELECT * FROM hashes")}
        hashes, fresh = {}, []
        for path in paths:
            status = path.stat()
            identity = (status.st_size, status.st_mtime_ns, status.st_ino)
            remembered = known.get(str(path.resolve()))
            if remembered and tuple(remembered[:3]) == identity:
                hashes[path] = (status.st_size, remembered[3])
            else:
                fresh.append((path, identity))
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            computed = pool.map(sha256_of, (path for path, _ in fresh))
            for (path, identity), digest in track(
                zip(fresh, computed, strict=True), "Hash raw files", len(fresh)
            ):
                hashes[path] = (identity[0], digest)
                row = (str(path.resolve()), *identity, digest)
                database.execute("INSERT OR REPLACE INTO hashes VALUES (?, ?, ?, ?, ?)", row)
        database.commit()
    return hashes
