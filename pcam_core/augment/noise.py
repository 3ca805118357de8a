"""Mild noise, as of a sensor."""

from statistics import NormalDist
from typing import Any

import numpy as np

from pcam_core.augment.operation import Draws, Operation

DEVIATION = 3.0
# A random byte picks one of 256 equally likely values of the normal distribution: five times as
# fast as to draw from it, and at so few levels of deviation the same.
_NORMAL = np.array([NormalDist().inv_cdf((n + 0.5) / 256) for n in range(256)], np.float32)


def draw(rng: np.random.Generator, count: int, side: int, strength: float) -> Draws:
    """Draw the deviation, 0 to 3 levels, and a seed.

    Returns:
        float32 (n, 1, 1, 1) and int64 (n,). The noise itself, as large as the patches, is made
        where it is added.
    """
    del side
    deviation = strength * rng.uniform(0, DEVIATION, (count, 1, 1, 1))
    return deviation.astype(np.float32), rng.integers(0, 2**31, count)


def change(images: Any, deviation: Any, seeds: Any, *, xp: Any) -> Any:
    """Add normal noise, drawn from the first seed, to every pixel and channel."""
    if xp is np:
        drawn = np.frombuffer(np.random.default_rng(seeds[0]).bytes(images.size), np.uint8)
        noise: Any = np.take(_NORMAL, drawn).reshape(images.shape)
    else:
        import keras

        noise = keras.random.normal(images.shape, seed=int(seeds[0]))
    return xp.clip(xp.add(images, deviation * noise), 0, 255)


OPERATION = Operation("noise", draw, change)
