"""One value added to a whole patch, and its brightness scaled."""

from typing import Any

import numpy as np

from pcam_core.augment.operation import Draws, Operation

SHIFT, BRIGHTNESS = 20.0, 0.1


def draw(rng: np.random.Generator, count: int, side: int, strength: float) -> Draws:
    """Draw what is added, up to 20 levels either way, and the brightness, .9 to 1.1.

    Returns:
        Two float32 (n, 1, 1, 1).
    """
    del side
    added = strength * rng.uniform(-SHIFT, SHIFT, (count, 1, 1, 1))
    factor = 1 + strength * rng.uniform(-BRIGHTNESS, BRIGHTNESS, (count, 1, 1, 1))
    return added.astype(np.float32), factor.astype(np.float32)


def change(images: Any, added: Any, factor: Any, *, xp: Any) -> Any:
    """Add within the range of levels that the image has, then scale: as Keras' generator does."""
    # Both in one pass: what bounds the sum bounds the product, since the factor is above zero.
    low, high = (
        xp.minimum(xp.multiply(end(images, axis=(1, 2, 3), keepdims=True), factor), 255)
        for end in (xp.min, xp.max)
    )
    return xp.clip(xp.multiply(images, factor) + added * factor, low, high)


OPERATION = Operation("brightness_and_channel_shift", draw, change)
