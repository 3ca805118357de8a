"""The model that is saved: it takes stored patches, so that training and serving agree."""

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd

from pcam_core.patch_store import PatchStore
from pcam_core.progress import Meter
from pcam_core.superres.lanczos import LanczosResize

_BATCH = 64


def serving_model(network: keras.Model, stored_side: int) -> keras.Model:
    """Put the enlargement in front of a network, sharing its weights.

    Args:
        network: Takes (n, size, size, 3), 0..255, to a probability (n, 1).
        stored_side: Side of a stored patch, pixels.

    Returns:
        A model from (n, stored_side, stored_side, 3), RGB, 0..255, to the probability.
    """
    stored = keras.Input((stored_side, stored_side, 3))
    enlarged = LanczosResize(network.input_shape[1])(stored)
    return keras.Model(stored, network(enlarged), name=network.name)


def predict(
    model: keras.Model, store: PatchStore, ids: "pd.Series[str]"
) -> npt.NDArray[np.float64]:
    """Return the probability of tumour, 0..1, of each id, as a serving model sees it."""
    rows = store.rows(ids)
    meter = Meter("Predict", len(rows))
    parts = []
    for start in range(0, len(rows), _BATCH):
        chosen = rows[start : start + _BATCH]
        # A batch of another shape would be compiled anew.
        padded = np.pad(chosen, (0, _BATCH - len(chosen)), mode="edge")
        found = model.predict_on_batch(store.read(padded).astype(np.float32))
        parts.append(np.asarray(found, dtype=np.float64)[: len(chosen), 0])
        meter.advance(len(chosen))
    return np.concatenate(parts)
