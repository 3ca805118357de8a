"""Prepared patches as uint8 shards that are mapped into memory, not loaded."""

import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pcam_core.atomic import replacing
from pcam_core.patches import Pixels

SHARD = 1024
INDEX = "ids.json"


class PatchStore:
    """Patches of one part ("train" or "test"), by id.

    Attributes:
        ids: Ids in the order of the rows.
        side: Height and width in pixels.
    """

    def __init__(self, folder: Path) -> None:
        self.ids: list[str] = json.loads((folder / INDEX).read_text())
        self._row = {patch_id: row for row, patch_id in enumerate(self.ids)}
        self._shards: list[Pixels] = [
            np.load(path, mmap_mode="r", allow_pickle=False)
            for path in sorted(folder.glob("*.npy"))
        ]
        self.side = int(self._shards[0].shape[1])

    def rows(self, ids: Iterable[str]) -> npt.NDArray[np.int64]:
        """Return the row of each id; KeyError for an unknown one."""
        return np.array([self._row[patch_id] for patch_id in ids], dtype=np.int64)

    def read(self, rows: npt.NDArray[np.int64]) -> Pixels:
        """Return uint8 pixels (rows, side, side, 3), 0..255, in the order asked for."""
        batch = np.empty((len(rows), self.side, self.side, 3), np.uint8)
        for position, row in enumerate(rows):
            batch[position] = self._shards[row // SHARD][row % SHARD]
        return batch


def write_patch_store(
    folder: Path, ids: Sequence[str], patches: Callable[[Sequence[str]], Iterable[Pixels]]
) -> None:
    """Write a store, or go on where an earlier call was stopped: finished shards are kept.

    Args:
        folder: A new folder, or one that an earlier call with the same arguments began.
        ids: One id a patch.
        patches: Called with the ids of one shard after the other; returns batches, uint8 arrays
            (n, side, side, 3) that together hold these patches in order.

    Raises:
        ValueError: `patches` gave more or fewer than it was asked for.
    """
    folder.mkdir(exist_ok=True)
    # One thread writes a shard to the disk while the next is made.
    with ThreadPoolExecutor(1) as writer:
        writing: Future[None] | None = None
        for path, names in unfinished(folder, ids):
            shard = np.concatenate(list(patches(names)))
            if len(shard) != len(names):
                raise ValueError(f"{len(names)} ids but {len(shard)} patches")
            if writing:
                writing.result()
            writing = writer.submit(_write, path, shard)
        if writing:
            writing.result()
    with replacing(folder / INDEX) as path:
        path.write_text(json.dumps(list(ids)))


def unfinished(folder: Path, ids: Sequence[str]) -> list[tuple[Path, Sequence[str]]]:
    """Return the file and the ids of every shard of a store that is not there yet."""
    starts = range(0, len(ids), SHARD)
    shards = [(folder / f"{n:05d}.npy", ids[at : at + SHARD]) for n, at in enumerate(starts)]
    return [shard for shard in shards if not shard[0].exists()]


def _write(path: Path, shard: Pixels) -> None:
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.save(file, shard, allow_pickle=False)
