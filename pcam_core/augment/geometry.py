"""Rotation, shift, zoom and flips in one sampling pass."""

from typing import Any

import numpy as np
from keras import ops


def projective(
    images: Any,
    rng: np.random.Generator,
    *,
    degrees: float = 20,
    shift: float = 0.1,
    zoom: float = 0.1,
    fill: float = 200,
) -> Any:
    """Turn, move, stretch and mirror every image at random, sampling it once (bilinear).

    Args:
        images: Float tensor (n, h, w, c).
        rng: Source of all choices.
        degrees: Largest rotation either way.
        shift: Largest move either way, as a share of the height and of the width.
        zoom: Largest stretch either way, drawn for each axis.
        fill: Value of what comes from outside.

    Returns:
        A tensor like `images`.
    """
    n, height, width = len(images), images.shape[1], images.shape[2]
    angle = np.deg2rad(rng.uniform(-degrees, degrees, n))
    scale = rng.uniform(1 - zoom, 1 + zoom, (2, n)) * rng.choice((-1.0, 1.0), (2, n))
    move_x, move_y = rng.uniform(-shift, shift, (2, n)) * [[width], [height]]
    # Output (x, y) is read from input (a0 x + a1 y + a2, b0 x + b1 y + b2).
    a0, a1 = np.cos(angle) * scale[0], -np.sin(angle) * scale[1]
    b0, b1 = np.sin(angle) * scale[0], np.cos(angle) * scale[1]
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    a2 = middle_x - a0 * middle_x - a1 * middle_y + move_x
    b2 = middle_y - b0 * middle_x - b1 * middle_y + move_y
    zero = np.zeros(n)
    transform = np.stack([a0, a1, a2, b0, b1, b2, zero, zero], axis=1).astype(np.float32)
    return ops.image.affine_transform(
        images, transform, interpolation="bilinear", fill_mode="constant", fill_value=fill
    )


def dihedral(images: Any, rng: np.random.Generator) -> Any:
    """Give every image one of the eight flips and quarter turns; tissue has no up.

    Args:
        images: Tensor (n, side, side, c).
        rng: Source of all choices.

    Returns:
        A tensor like `images`, its pixels only moved.
    """
    transposed, mirrored, flipped = rng.integers(0, 2, (3, len(images), 1, 1, 1)).astype(bool)
    images = ops.where(transposed, ops.transpose(images, (0, 2, 1, 3)), images)
    images = ops.where(mirrored, ops.flip(images, axis=2), images)
    return ops.where(flipped, ops.flip(images, axis=1), images)
