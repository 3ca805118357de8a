"""Runs a SavedModel that somebody has declared trusted."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from pcam_core.errors import InputError
from pcam_core.superres.on_levels import Levels
from pcam_core.superres.probe import check_range, find_scale, first_line
from pcam_core.superres.upscaler import Upscaler

_SIGNATURE = "serving_default"
_REMEDY = "Give a SavedModel whose signature serving_default takes and gives one batch of images."


def open_trusted_saved_model(folder: Path, input_range: tuple[float, float]) -> Upscaler:
    """Loads a SavedModel as the program that it is, and tries it on grey patches.

    Nothing is asked here: the caller has compared its sha256 with those that are trusted. It
    computes as its author saved it, with TensorFlow under every backend.

    Args:
        folder: ``saved_model.pb`` and ``variables/``; its signature ``serving_default`` takes one
            tensor (B, H, W, 3) and gives one, both of numbers.
        input_range: Lowest and highest value of its pixels: (0, 1) or (0, 255).

    Raises:
        InputError: It cannot be loaded or does not run, has another signature, or scale or range
            are wrong; see `find_scale`.
    """
    check_range(str(folder), input_range)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow as tf

    try:
        loaded = tf.saved_model.load(str(folder))
    except Exception as error:  # a foreign program can fail in any way
        raise InputError(f"{folder} cannot be loaded: {first_line(error)}", _REMEDY) from error
    spec, run = _one_to_one(folder, loaded)
    highest = np.float32(input_range[1])

    def enlarge(patches: Levels) -> Levels:
        (enlarged,) = run(tf.cast(patches * (highest / 255.0), spec.dtype)).values()
        return np.asarray(tf.cast(enlarged, tf.float32)) * (np.float32(255.0) / highest)

    shape = tuple(spec.shape.as_list()) if spec.shape.rank is not None else None
    scale = find_scale(str(folder), enlarge, shape, input_range)
    # Functions of what was loaded do not keep it alive, and without it their variables are gone.
    enlarge.loaded = loaded  # type: ignore[attr-defined]
    return Upscaler(scale, enlarge, "float32")


def _one_to_one(folder: Path, loaded: Any) -> tuple[Any, Any]:
    """What the signature takes, and the function itself, of one positional tensor."""
    signature = loaded.signatures.get(_SIGNATURE)
    if signature is None:
        raise InputError(f"{folder} has no signature {_SIGNATURE}.", _REMEDY)
    takes = signature.structured_input_signature[1]
    if len(takes) != 1 or len(signature.structured_outputs) != 1:
        raise InputError(
            f"{folder} takes {len(takes)} tensors and gives {len(signature.structured_outputs)}.",
            _REMEDY,
        )
    ((name, spec),) = takes.items()
    return spec, lambda patches: signature(**{name: patches})
