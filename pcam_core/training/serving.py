"""The model that is saved: it takes stored patches, so that training and serving agree."""

import json
import zipfile
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd

from pcam_core.errors import InputError
from pcam_core.patch_store import PatchStore
from pcam_core.patches import Pixels
from pcam_core.progress import Meter
from pcam_core.superres.lanczos import LanczosResize
from pcam_core.training.views import Views, views_of

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


def save_model(model: keras.Model, path: Path) -> None:
    """Save a model so that equal models give equal bytes: an upload of it can be repeated.

    Args:
        model: Any Keras model.
        path: A new file ending in ".keras".
    """
    model.save(path)
    whole = path.with_name(f"{path.name}.timed")
    path.rename(whole)
    with zipfile.ZipFile(whole) as timed, zipfile.ZipFile(path, "w") as timeless:
        for name in sorted(timed.namelist()):
            content = timed.read(name)
            if name.endswith(".json"):
                content = _timeless(content)
            # An entry made from its name alone bears the year 1980.
            timeless.writestr(zipfile.ZipInfo(name), content)
    whole.unlink()


def load_model(path: Path) -> keras.Model:
    """Load a saved model in safe mode: it can name our layers and Keras' own, but bring no code.

    Args:
        path: A ".keras" file of `save_model`.

    Raises:
        InputError: It is missing, damaged, or holds code.
    """
    from pcam_core.models import registry

    del registry  # the layers of all networks are registered now
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, TypeError, KeyError, zipfile.BadZipFile) as error:
        raise InputError(
            f"The model {path} cannot be loaded ({error}).",
            "Give a model.keras that a run has made.",
        ) from error


def _timeless(content: bytes) -> bytes:
    """Take the date out of Keras' JSON, and number shared objects in place of their addresses."""
    numbers: dict[int, int] = {}

    def mend(entry: dict[str, Any]) -> dict[str, Any]:
        if "shared_object_id" in entry:
            address = entry["shared_object_id"]
            entry["shared_object_id"] = numbers.setdefault(address, len(numbers) + 1)
        return entry | {"date_saved": ""} if "date_saved" in entry else entry

    return json.dumps(json.loads(content, object_hook=mend)).encode()


def predict(
    model: keras.Model, store: PatchStore, ids: "pd.Series[str]", views: Views = 1
) -> npt.NDArray[np.float64]:
    """Return the probability of tumour, 0..1, of each id, the mean over some views.

    Args:
        model: A serving model.
        store: Prepared patches.
        ids: Which of them.
        views: Flips and quarter turns of each.
    """
    rows = store.rows(ids)
    meter = Meter("Predict", len(rows))
    parts = []
    for start in range(0, len(rows), _BATCH):
        chosen = rows[start : start + _BATCH]
        # A batch of another shape would be compiled anew.
        padded = np.pad(chosen, (0, _BATCH - len(chosen)), mode="edge")
        parts.append(look_at(model, store.read(padded), views)[: len(chosen)])
        meter.advance(len(chosen))
    return np.concatenate(parts)


def look_at(model: keras.Model, patches: Pixels, views: Views) -> npt.NDArray[np.float64]:
    """Return the probability of tumour, 0..1, of each patch of a batch, the mean over some views.

    Args:
        model: A serving model.
        patches: uint8 (n, side, side, 3), RGB, 0..255, as the model takes them.
        views: Flips and quarter turns of each.

    Returns:
        float64 (n,).
    """
    seen = [
        np.asarray(model.predict_on_batch(view.astype(np.float32)), dtype=np.float64)[:, 0]
        for view in views_of(patches, views)
    ]
    probabilities: npt.NDArray[np.float64] = np.mean(seen, axis=0)
    return probabilities
