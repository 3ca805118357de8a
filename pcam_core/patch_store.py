"""Prepared patches as uint8 shards that are mapped into memory, not loaded."""

import json
import mmap
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pcam_core.atomic import replacing
from pcam_core.errors import InputError
from pcam_core.fan_out import Workers
from pcam_core.listing import listing
from pcam_core.patches import Pixels
from pcam_core.progress import Meter

SHARD = 1024
INDEX = "ids.json"
# A network file system may show after a minute only what another machine has written.
_UNSEEN_S = 90.0

Shard = tuple[Path, Sequence[str]]
"""A file, and the ids of its rows."""

Give = Callable[[Sequence[Sequence[str]]], Iterable[Pixels]]
"""Called with the ids of some shards; gives batches, uint8 (n, side, side, 3), none of them across
shards, that together hold these patches in order."""


class PatchStore:
    """Patches of one part ("train" or "test"), by id.

    Attributes:
        ids: Ids in the order of the rows.
        side: Height and width in pixels.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()
        self.ids: list[str] = json.loads((folder / INDEX).read_text())
        self._row = {patch_id: row for row, patch_id in enumerate(self.ids)}
        self._shards: list[np.memmap[Any, np.dtype[np.uint8]]] = [
            np.load(path, mmap_mode="r", allow_pickle=False)
            for path in sorted(folder.glob("*.npy"))
        ]
        for shard in self._shards:
            _pages(shard).madvise(mmap.MADV_RANDOM)
        self.side = int(self._shards[0].shape[1])

    def __reduce__(self) -> tuple[type["PatchStore"], tuple[Path]]:
        """Let another process open the same folder; else all pixels would travel."""
        return type(self), (self._folder,)

    def rows(self, ids: Iterable[str]) -> npt.NDArray[np.int64]:
        """Return the row of each id; KeyError for an unknown one."""
        return np.array([self._row[patch_id] for patch_id in ids], dtype=np.int64)

    def read(self, rows: npt.NDArray[np.int64]) -> Pixels:
        """Return uint8 pixels (rows, side, side, 3), 0..255, in the order asked for."""
        batch = np.empty((len(rows), self.side, self.side, 3), np.uint8)
        # The disk fetches all of them at once. Left to itself, a mapping fetches one missing page
        # after the other, each with its neighbours, which nobody wants.
        for row in rows:
            self._announce(int(row))
        for position, row in enumerate(rows):
            batch[position] = self._shards[row // SHARD][row % SHARD]
        return batch

    def _announce(self, row: int) -> None:
        shard, bytes_each = self._shards[row // SHARD], self.side * self.side * 3
        start = shard.offset + row % SHARD * bytes_each
        page = start // mmap.PAGESIZE * mmap.PAGESIZE
        _pages(shard).madvise(mmap.MADV_WILLNEED, page, start - page + bytes_each)


def _pages(shard: Any) -> mmap.mmap:
    pages: mmap.mmap = shard.base
    return pages


def write_patch_store(
    folder: Path,
    ids: Sequence[str],
    give: Give,
    *,
    meter: Meter | None = None,
    workers: Workers | None = None,
) -> None:
    """Write a store, or go on where an earlier call was stopped: finished shards are kept.

    Args:
        folder: A new folder, or one that an earlier call with the same arguments began.
        ids: One id a patch.
        give: Makes the patches; it can be pickled if there are workers.
        meter: Counts patches: of batches, or of whole shards if there are workers.
        workers: Who makes the shards; by default this process. They see `folder` too.

    Raises:
        ValueError: `give` gave more or fewer than it was asked for.
        InputError: A worker has written into another folder.
    """
    folder.mkdir(exist_ok=True)
    shards = unfinished(folder, ids)
    advance = meter.advance if meter else lambda _: None
    if workers:
        workers.run([partial(_write_shard, *shard, give) for shard in shards], advance)
        _see(folder, ids)
    else:
        _write_here(shards, give, advance)
    for leftover in folder.glob(".*"):  # of processes that were killed
        leftover.unlink(missing_ok=True)
    with replacing(folder / INDEX) as path:
        path.write_text(json.dumps(list(ids)))


def unfinished(folder: Path, ids: Sequence[str]) -> list[Shard]:
    """Return the file and the ids of every shard of a store that is not there yet."""
    starts = range(0, len(ids), SHARD)
    shards = [(folder / f"{n:05d}.npy", ids[at : at + SHARD]) for n, at in enumerate(starts)]
    return [shard for shard in shards if not shard[0].exists()]


def _write_here(shards: Sequence[Shard], give: Give, advance: Callable[[int], None]) -> None:
    # One thread writes a shard to the disk while the next is made; one stream over all shards, so
    # that what lies ahead is decoded across their borders.
    with (
        ThreadPoolExecutor(1) as writer,
        _one_by_one(give([names for _, names in shards]), advance) as patches,
    ):
        writing: Future[None] | None = None
        for path, names in shards:
            shard = _stacked(patches, len(names))
            if writing:
                writing.result()
            writing = writer.submit(_write, path, shard)
        if writing:
            writing.result()
        _check_end(patches)


def _write_shard(path: Path, names: Sequence[str], give: Give) -> int:
    """Write one shard; another worker may have done so just before it was lost."""
    if not path.exists():
        with _one_by_one(give([names]), lambda _: None) as patches:
            shard = _stacked(patches, len(names))
            _check_end(patches)
        _write(path, shard)
    return len(names)


@contextmanager
def _one_by_one(
    batches: Iterable[Pixels], advance: Callable[[int], None]
) -> Iterator[Iterator[Pixels]]:
    def counted() -> Iterator[Pixels]:
        for batch in batches:
            yield batch
            advance(len(batch))

    try:
        yield chain.from_iterable(counted())
    finally:
        # A generator may hold the device: it has to give it back also if we failed.
        if isinstance(batches, Generator):
            batches.close()


def _stacked(patches: Iterator[Pixels], count: int) -> Pixels:
    shard = np.empty(0, np.uint8)
    row = -1
    for row, patch in zip(range(count), patches, strict=False):
        if row == 0:
            shard = np.empty((count, *patch.shape), np.uint8)
        shard[row] = patch
    if row + 1 < count:
        raise ValueError(f"{count} ids but {row + 1} patches")
    return shard


def _check_end(patches: Iterator[Pixels]) -> None:
    if next(patches, None) is not None:
        raise ValueError("more patches than ids")


def _write(path: Path, shard: Pixels) -> None:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, shard, allow_pickle=False)


def _see(folder: Path, ids: Sequence[str]) -> None:
    """Wait until all shards are visible here."""
    start = time.monotonic()
    while missing := unfinished(folder, ids):
        if time.monotonic() - start > _UNSEEN_S:
            names = [path.name for path, _ in missing]
            raise InputError(
                f"Workers have written {listing(names)} of {folder}, but they are not there.",
                "Mount the same --out at the same path on every worker, then run again.",
            )
        time.sleep(1)
