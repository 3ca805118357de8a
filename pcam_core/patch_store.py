"""Prepared patches as uint8 shards that are mapped into memory, not loaded."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pcam_core.patches import Pixels

SHARD = 4096
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


def write_patch_store(folder: Path, ids: Sequence[str], batches: Iterable[Pixels]) -> None:
    """Write a store.

    Args:
        folder: A new folder.
        ids: One id a patch.
        batches: uint8 arrays (n, side, side, 3) that together hold the patches in order.
    """
    folder.mkdir()
    shard: Pixels | None = None
    written = 0
    for batch in batches:
        for pixels in batch:
            if shard is None or written % SHARD == 0:
                rows = min(SHARD, len(ids) - written)
                path = folder / f"{written // SHARD:05d}.npy"
                shard = np.lib.format.open_memmap(
                    path, mode="w+", dtype=np.uint8, shape=(rows, *pixels.shape)
                )
            shard[written % SHARD] = pixels
            written += 1
    if written != len(ids):
        raise ValueError(f"{len(ids)} ids but {written} patches")
    (folder / INDEX).write_text(json.dumps(list(ids)))
