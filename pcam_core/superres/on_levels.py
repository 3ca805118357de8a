"""Runs a network of any value range on levels of 0..255."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import keras

Levels = NDArray[np.float32]


def on_levels(model: "keras.Model", highest: float) -> Callable[[Levels], Levels]:
    """A compiled function from levels to levels.

    Args:
        model: Takes and gives float32 (B, H, W, 3) of 0..``highest``; is compiled in place.
        highest: Highest pixel value of the model's range, 1 or 255.

    Returns:
        Takes float32 (B, H, W, 3) of 0..255 and gives the model's float32 pictures on the same
        scale, unclipped.
    """
    import keras

    # For TensorFlow XLA takes 5 to 10 s a shape and gains nothing in convolutions on a CPU; for
    # JAX it is the only compiler.
    model.compile(jit_compile=keras.backend.backend() == "jax")

    def enlarge(patches: Levels) -> Levels:
        enlarged = model.predict_on_batch(patches * np.float32(highest / 255.0))
        return np.asarray(enlarged, np.float32) * np.float32(255.0 / highest)

    return enlarge
