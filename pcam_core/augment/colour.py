"""Changes of brightness and of stain."""

from typing import Any

import numpy as np
from keras import ops

# Optical density of haematoxylin, eosin and the rest in red, green and blue: Ruifrok and
# Johnston, "Quantification of histochemical staining by color deconvolution", 2001.
_STAINS = np.array(
    [[0.650, 0.704, 0.286], [0.072, 0.990, 0.105], [0.268, 0.570, 0.776]], dtype=np.float64
)
_STAINS /= np.linalg.norm(_STAINS, axis=1, keepdims=True)


def brightness_and_channel_shift(
    images: Any, rng: np.random.Generator, *, brightness: float = 0.1, shift: float = 20
) -> Any:
    """Add one value to every image, within its own range, then scale its brightness.

    Args:
        images: Float tensor (n, h, w, c), 0..255.
        rng: Source of all choices.
        brightness: Largest change of the factor around 1.
        shift: Largest value added either way, in grey levels.

    Returns:
        A tensor like `images`, 0..255.
    """
    shape = (len(images), 1, 1, 1)
    added = rng.uniform(-shift, shift, shape).astype(np.float32)
    factor = rng.uniform(1 - brightness, 1 + brightness, shape).astype(np.float32)
    low = ops.min(images, axis=(1, 2, 3), keepdims=True)
    high = ops.max(images, axis=(1, 2, 3), keepdims=True)
    return ops.clip(ops.clip(images + added, low, high) * factor, 0, 255)


def stain_jitter(
    images: Any, rng: np.random.Generator, *, strength: float = 0.1, offset: float = 0.02
) -> Any:
    """Vary how much of each stain every image holds, in optical-density space.

    After Tellez et al., "Whole-slide mitosis detection in H&E breast histology using PHH3 as a
    reference to train distilled stain-invariant convolutional networks", 2018.

    Args:
        images: Float tensor (n, h, w, 3), RGB, 0..255.
        rng: Source of all choices.
        strength: Largest relative change of a stain's amount.
        offset: Largest amount added either way, in optical density.

    Returns:
        A tensor like `images`, 0..255.
    """
    n = len(images)
    scale = rng.uniform(1 - strength, 1 + strength, (n, 1, 3))
    added = rng.uniform(-offset, offset, (n, 1, 3))
    # Unmix, scale and mix again: one 3x3 matrix and one vector an image.
    matrix = (np.linalg.inv(_STAINS)[None] * scale) @ _STAINS
    constant = added @ _STAINS
    density = -ops.log((ops.reshape(images, (n, -1, 3)) + 1) / 256)
    density = ops.matmul(density, matrix.astype(np.float32)) + constant.astype(np.float32)
    changed = ops.clip(256 * ops.exp(-density) - 1, 0, 255)
    return ops.reshape(changed, images.shape)
