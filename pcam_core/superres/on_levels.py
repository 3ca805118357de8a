"""Runs a network of any value range on levels of 0..255."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

Levels = NDArray[np.float32]


def on_levels(model: "keras.Model", highest: float) -> Callable[[Levels], Levels]:
    """A function from levels to levels that runs a compiled model.

    Args:
        model: Takes and gives float32 (B, H, W, 3) of 0..``highest``; compiled before the first
            call.
        highest: Highest pixel value of the model's range, 1 or 255.

    Returns:
        Takes float32 (B, H, W, 3) of 0..255 and gives the model's float32 pictures on the same
        scale, unclipped.
    """

    def enlarge(patches: Levels) -> Levels:
        enlarged = model.predict_on_batch(patches * np.float32(highest / 255.0))
        return np.asarray(enlarged, np.float32) * np.float32(255.0 / highest)

    return enlarge


def whole_levels(model: "keras.Model", highest: float) -> "keras.Model":
    """A model that does on the device what `on_levels` does, and clips and truncates there.

    A quarter of the bytes travels to and from the device.

    Args:
        model: As for `on_levels`.
        highest: The same.

    Returns:
        Takes and gives uint8 (B, H, W, 3), 0..255; to be compiled.
    """
    import keras
    from keras import ops

    patches = keras.Input(model.input_shape[1:], dtype="uint8")
    enlarged = model(ops.cast(patches, "float32") * (highest / 255.0))
    levels = ops.cast(enlarged, "float32") * (255.0 / highest)
    return keras.Model(patches, ops.cast(ops.clip(levels, 0.0, 255.0), "uint8"))


def jit_choices() -> tuple[bool, ...]:
    """Whether XLA may compile a network here, the usual answer first.

    For JAX it is the only compiler. For TensorFlow it takes 5 to 10 s a shape and gains nothing
    in convolutions on a CPU, but may on a GPU.
    """
    import keras

    from pcam_core.precision import gpus

    if keras.backend.backend() == "jax":
        return (True,)
    return (False, True) if gpus() else (False,)
