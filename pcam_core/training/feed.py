"""Batches for training: order and augmentation follow from (seed, epoch, step) alone."""

import math
import os
import sys
import threading
from collections import deque
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from keras import ops

from pcam_core.augment.policies import augment
from pcam_core.patch_store import PatchStore
from pcam_core.precision import gpus
from pcam_core.training.resident_patches import ResidentPatches, fits_on_device

Batch = tuple[Any, npt.NDArray[np.float32]]
"""Images float32 (n, side, side, 3), 0..255, as an array or a tensor on the GPU; labels float32
(n, 1), 0 or 1."""

_MOST_THREADS = 8  # each of them holds a batch


class Feed:
    """Batches of a table's patches, each of them once an epoch, in an order of its own.

    With a GPU, patches are enlarged and changed there, and stay there all the time if they fit.

    Args:
        store: Prepared patches.
        table: Columns id and label.
        batch_size: Patches a batch; the last of an epoch may have fewer.
        enlarge_to: Side to which patches are enlarged before augmentation; None leaves them
            as stored.
        policy: Augmentation; see `augment`.
        strength: Its strength; see `augment`.
        shuffle: Seed of order and augmentation.
        max_steps: Most batches an epoch.

    Raises:
        KeyError: The store has no patch of an id.
    """

    def __init__(
        self,
        store: PatchStore,
        table: pd.DataFrame,
        *,
        batch_size: int,
        enlarge_to: int | None,
        policy: str,
        strength: float = 1,
        shuffle: int,
        max_steps: int | None = None,
    ) -> None:
        self.batch_size = batch_size
        self.shuffle = shuffle
        self._rows = store.rows(table["id"])
        self._labels = table["label"].to_numpy(np.float32)[:, None]
        self._store = store
        self._on_gpu = bool(gpus())
        self._resident = (
            ResidentPatches(store, self._rows)
            if self._on_gpu and fits_on_device(store, len(self._rows))
            else None
        )
        self._augment = partial(
            augment,
            policy=policy,
            strength=strength,
            enlarge_to=enlarge_to if enlarge_to != store.side else None,
        )
        steps = math.ceil(len(self._rows) / batch_size)
        self._steps = min(steps, max_steps) if max_steps else steps

    def __len__(self) -> int:
        """Return the number of batches an epoch."""
        return self._steps

    def batch(self, epoch: int, step: int) -> Batch:
        """Return one batch: equal whenever and in whichever thread it is made.

        Args:
            epoch: From 0.
            step: From 0 to the number of batches - 1.
        """
        order = _order(self.shuffle, epoch, len(self._rows))
        places = order[step * self.batch_size : (step + 1) * self.batch_size]
        rng = np.random.default_rng((self.shuffle, epoch, step))
        if self._resident:
            patches = self._resident.read(places)
        else:
            patches = self._store.read(self._rows[places])
            if self._on_gpu:
                patches = ops.convert_to_tensor(patches, "uint8")
        return self._augment(patches, rng=rng, xp=ops if self._on_gpu else np), self._labels[places]

    def batches(self, epoch: int, first_step: int = 0) -> Generator[Batch, None, None]:
        """Yield the batches of an epoch, made ahead in the background.

        The threads end with the epoch, or when the iterator is closed.

        Args:
            epoch: From 0.
            first_step: Where to begin.
        """
        threads = min(os.cpu_count() or 1, _MOST_THREADS)
        with ThreadPoolExecutor(threads, "feed", _yield_to_training) as pool:
            started = (pool.submit(self.batch, epoch, n) for n in range(first_step, self._steps))
            # One more than threads: none of them waits while a step is taken.
            ahead = deque(islice(started, threads + 1))
            try:
                while ahead:
                    batch = ahead.popleft().result()
                    ahead.extend(islice(started, 1))
                    yield batch
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


def _yield_to_training() -> None:
    # Where the training runs on the same cores, a step waits for its slowest thread: batches are
    # made in the time that steps leave. Only on Linux has a thread a priority of its own.
    if sys.platform == "linux" and not gpus():
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 10)


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, count: int) -> npt.NDArray[np.int64]:
    order = np.random.default_rng((seed, epoch)).permutation(count)
    order.setflags(write=False)
    return order
