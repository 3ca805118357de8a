"""Patches that stay in the device's memory."""

from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

from pcam_core.patch_store import PatchStore
from pcam_core.progress import Meter
from pcam_core.training.free_memory import free_device_bytes

SHARE = 0.4  # of what is free; while the parts are joined, they are there twice
_AT_ONCE = 4096


class ResidentPatches:
    """Some patches of a store as one uint8 tensor on the device of Keras' backend.

    Args:
        store: Prepared patches.
        rows: Those that are wanted, as rows of the store.
    """

    def __init__(self, store: PatchStore, rows: npt.NDArray[np.int64]) -> None:
        meter = Meter("Load patches onto the device", len(rows))
        parts = []
        for start in range(0, len(rows), _AT_ONCE):
            chosen = rows[start : start + _AT_ONCE]
            parts.append(ops.convert_to_tensor(store.read(chosen), "uint8"))
            meter.advance(len(chosen))
        self._pixels = ops.concatenate(parts)

    def read(self, places: npt.NDArray[np.int64]) -> Any:
        """Return a uint8 tensor (n, side, side, 3), 0..255, of the n-th of `rows` and so on."""
        return ops.take(self._pixels, places, axis=0)


def fits_on_device(store: PatchStore, patches: int) -> bool:
    """Whether so many patches take at most .4 of the memory that is free on the GPU."""
    return patches * store.side**2 * 3 <= SHARE * free_device_bytes()
