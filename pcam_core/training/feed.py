"""Batches for training: order and augmentation follow from (seed, epoch, position) alone."""

import math
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd
from keras import ops

from pcam_core.augment.policies import augment
from pcam_core.patch_store import PatchStore
from pcam_core.superres.lanczos import LanczosResize

Batch = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]


class Feed(keras.utils.PyDataset):
    """Batches of (float32 (n, side, side, 3), 0..255; float32 labels (n, 1), 0 or 1).

    Args:
        store: Prepared patches.
        table: Columns id and label.
        batch_size: Patches a batch.
        enlarge_to: Side to which patches are enlarged before augmentation; None leaves them
            as stored.
        policy: Augmentation; see `augment`.
        shuffle: Seed of order and augmentation.
        max_steps: Most batches an epoch.
    """

    def __init__(
        self,
        store: PatchStore,
        table: pd.DataFrame,
        *,
        batch_size: int,
        enlarge_to: int | None,
        policy: str,
        shuffle: int,
        max_steps: int | None = None,
    ) -> None:
        super().__init__()
        self.store = store
        self.rows = store.rows(table["id"])
        self.labels = table["label"].to_numpy(np.float32)[:, None]
        self.batch_size = batch_size
        self.enlarge = LanczosResize(enlarge_to) if enlarge_to else None
        self.policy = policy
        self.shuffle = shuffle
        steps = math.ceil(len(self.rows) / batch_size)
        self.steps = min(steps, max_steps) if max_steps else steps
        self.epoch = 0

    def __len__(self) -> int:
        """Return the number of batches an epoch."""
        return self.steps

    def __getitem__(self, step: int) -> Batch:
        """Return batch `step` of the current epoch."""
        order = np.random.default_rng((self.shuffle, self.epoch)).permutation(len(self.rows))
        chosen = order[step * self.batch_size : (step + 1) * self.batch_size]
        rng = np.random.default_rng((self.shuffle, self.epoch, step))
        images: Any = ops.convert_to_tensor(self.store.read(self.rows[chosen]), "float32")
        if self.enlarge:
            images = self.enlarge(images)
        images = augment(images, self.policy, rng)
        return ops.convert_to_numpy(images), self.labels[chosen]

    def on_epoch_end(self) -> None:
        """Move on to the next epoch's order."""
        self.epoch += 1
