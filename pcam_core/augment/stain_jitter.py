"""More or less of each stain."""

from typing import Any

import numpy as np

from pcam_core.augment.operation import Draws, Operation
from pcam_core.stains import STAINS

SCALE, OFFSET = 0.1, 0.02
_WHITE = np.log(256)


def draw(rng: np.random.Generator, count: int, side: int, strength: float) -> Draws:
    """Draw how much of each stain a patch holds, in optical-density space.

    Each stain's amount is scaled by .9 to 1.1, and up to .02 (natural optical density) is added
    either way. After Tellez et al., "Whole-slide mitosis detection in H&E breast histology using
    PHH3 as a reference to train distilled stain-invariant convolutional networks" (IEEE
    Transactions on Medical Imaging 37, 2018).

    Returns:
        float32 (n, 3, 3) and (n, 1, 3): the matrix that takes the logarithm of level + 1, as a
        row of red, green and blue, to the changed one, and what is added after it.
    """
    del side
    scale = 1 + strength * rng.uniform(-SCALE, SCALE, (count, 1, 3))
    added = strength * rng.uniform(-OFFSET, OFFSET, (count, 1, 3))
    # Unmix, scale and mix again. With density = log(256) - log(level + 1) the logarithm itself
    # goes through the same matrix, and the white that it is taken from into the constant.
    matrix = (np.linalg.inv(STAINS) * scale) @ STAINS
    constant = _WHITE * (1 - matrix.sum(axis=1, keepdims=True)) - added @ STAINS
    return matrix.astype(np.float32), constant.astype(np.float32)


def change(images: Any, matrix: Any, constant: Any, *, xp: Any) -> Any:
    """Take levels to the logarithm, through the matrix, and back."""
    shape = images.shape
    logarithm = xp.log(xp.add(images, np.float32(1)))
    mixed = xp.matmul(xp.reshape(logarithm, (shape[0], -1, 3)), matrix) + constant
    return xp.reshape(xp.clip(xp.exp(mixed) - 1, 0, 255), shape)


OPERATION = Operation("stain_jitter", draw, change)
