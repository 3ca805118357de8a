"""A local copy of what lies below an S3 prefix, brought up to date at every call."""

import hashlib
import os
import shutil
import sqlite3
from collections.abc import Collection
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import closing, suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Event

from pcam_core.datasets.cache import filling
from pcam_core.datasets.dataset import PARTS
from pcam_core.datasets.form import files_of, form_of
from pcam_core.errors import InputError
from pcam_core.expectation import announce
from pcam_core.object_store import S3Settings
from pcam_core.object_store.s3_source import S3Object, S3Source
from pcam_core.progress import Meter

SCHEME = "s3://"

_THREADS = 16
_AT_ONCE = 4096
_INTERVAL = 0.5  # seconds after which finished files are noted
_BYTES_A_SECOND = 50e6
_OBJECTS_A_SECOND = 400
_TABLE = """CREATE TABLE IF NOT EXISTS files
(name TEXT PRIMARY KEY, size INTEGER, etag TEXT, mtime_ns INTEGER)"""

_Row = tuple[str, int, str, int]


def mirror(address: str, cache: Path) -> Path:
    """Copy the data below an S3 prefix, and return the folder of the copy.

    Only names that the data's form reads are copied. What is there of the same size and ETag is
    not fetched again; what has vanished from the bucket is removed. After a kill, finished files
    are there, and of the others the rest is fetched.

    Args:
        address: "s3://bucket/prefix" or "s3://bucket/prefix/name.zip".
        cache: The copy lies below its folder `mirrors`.

    Raises:
        InputError: There is no such data, the bucket cannot be read, or the disk is too small.
        ConnectionError: The data changed meanwhile, or the network failed: try again.
    """
    source = S3Source(address, S3Settings(), _THREADS)
    objects = {found.name: found for found in source.objects()}
    form = form_of({name.partition("/")[0] for name in objects}, address)
    wanted = {name: objects[name] for name in files_of(form, objects)}
    place = cache.absolute() / "mirrors" / f"{source.bucket}-{source.identity}"
    folder, index = place / "data", place / "index.sqlite"
    with filling(place):
        folder.mkdir(exist_ok=True)
        try:
            with closing(sqlite3.connect(index, timeout=60)) as database:
                _bring_up_to_date(source, wanted, folder, database)
        except sqlite3.OperationalError:  # the disk is full
            raise
        except sqlite3.DatabaseError as error:
            raise InputError(
                f"{index} is damaged ({error}).", "Remove it: it only saves fetching again."
            ) from error
    return folder


def _bring_up_to_date(
    source: S3Source, wanted: dict[str, S3Object], folder: Path, database: sqlite3.Connection
) -> None:
    database.execute(_TABLE)
    known = {row[0]: row for row in database.execute("SELECT * FROM files")}
    present = _present(folder)
    for name in present.keys() - wanted.keys():
        (folder / name).unlink()
    missing = [
        found
        for name, found in wanted.items()
        if known.get(name) != (name, found.size, found.etag, present.get(name))
    ]
    parts = folder.with_name("parts")
    if missing:
        parts.mkdir(exist_ok=True)
        left = {found: max(found.size - _size(_part(parts, found)), 0) for found in missing}
        needed = sum(left.values())
        seconds = max(needed / _BYTES_A_SECOND, len(missing) / _OBJECTS_A_SECOND)
        announce(f"Mirror {source.address}", folder, needed, seconds)
        meter = Meter(f"Mirror {source.address} (bytes)", needed)
        for start in range(0, len(missing), _AT_ONCE):
            some = missing[start : start + _AT_ONCE]
            _fetch(source, some, folder, parts, database, meter)
    shutil.rmtree(parts, ignore_errors=True)


def _present(folder: Path) -> dict[str, int]:
    """Return the modification time of every file that a mirror can hold, by name."""
    found = {}
    for inside in ("", *PARTS):
        with suppress(FileNotFoundError), os.scandir(folder / inside) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    name = f"{inside}/{entry.name}" if inside else entry.name
                    found[name] = entry.stat(follow_symlinks=False).st_mtime_ns
    return found


def _fetch(
    source: S3Source,
    objects: Collection[S3Object],
    folder: Path,
    parts: Path,
    database: sqlite3.Connection,
    meter: Meter,
) -> None:
    stop = Event()
    arrived: SimpleQueue[int] = SimpleQueue()

    def received(count: int) -> None:
        if stop.is_set():
            raise InterruptedError("another file failed")
        arrived.put(count)

    def fetch(wanted: S3Object) -> _Row:
        part, target = _part(parts, wanted), folder / wanted.name
        source.fetch(wanted, part, received)
        target.parent.mkdir(exist_ok=True)
        part.replace(target)
        return wanted.name, wanted.size, wanted.etag, target.stat().st_mtime_ns

    with ThreadPoolExecutor(_THREADS) as pool:
        waiting: set[Future[_Row]] = {pool.submit(fetch, wanted) for wanted in objects}
        try:
            while waiting:
                done, waiting = wait(waiting, _INTERVAL, FIRST_EXCEPTION)
                rows = [future.result() for future in done if not future.exception()]
                database.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", rows)
                database.commit()
                meter.advance(sum(arrived.get() for _ in range(arrived.qsize())))
                for future in done:
                    future.result()
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def _part(parts: Path, wanted: S3Object) -> Path:
    version = f"{wanted.name}\0{wanted.etag}\0{wanted.size}"
    return parts / hashlib.sha256(version.encode()).hexdigest()[:40]


def _size(path: Path) -> int:
    with suppress(FileNotFoundError):
        return path.stat().st_size
    return 0
