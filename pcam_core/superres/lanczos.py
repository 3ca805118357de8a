"""Pillow's LANCZOS resize as two matrix products, so that it runs on the device and under XLA."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import keras
import numpy as np
from keras import ops
from numpy.typing import NDArray

_LOBES = 3.0
# Pillow's PRECISION_BITS (32 - 8 - 2): what its 8-bit path keeps of a coefficient.
_FIXED_POINT = float(1 << 22)


def _lanczos3(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    window = np.sinc(distance) * np.sinc(distance / _LOBES)
    return np.where((distance >= -_LOBES) & (distance < _LOBES), window, 0.0)


@cache
def lanczos_matrix(n_in: int, n_out: int) -> NDArray[np.float32]:
    """The matrix by which Pillow's LANCZOS resizes one axis of an 8-bit image.

    Source: Lanczos-windowed sinc of three lobes (Duchon 1979, "Lanczos filtering in one and two
    dimensions"), cut off, normalised and rounded to 2**-22 as Pillow's ``Resample.c`` does.

    Args:
        n_in: Length of the axis before, in pixels, at least 1.
        n_out: Length of the axis after, in pixels, at least 1.

    Returns:
        Read-only float32 array of shape (n_out, n_in), whose rows sum to 1 within 1e-5.

    Raises:
        ValueError: A length is below 1.

    Example:
        >>> lanczos_matrix(128, 224).shape
        (224, 128)
    """
    if min(n_in, n_out) < 1:
        raise ValueError(f"lengths must be at least 1, not {n_in} and {n_out}")
    scale = n_in / n_out
    stretch = max(scale, 1.0)
    support = _LOBES * stretch
    centre = (np.arange(n_out)[:, None] + 0.5) * scale
    first = np.maximum(np.trunc(centre - support + 0.5), 0)
    last = np.minimum(np.trunc(centre + support + 0.5), n_in)
    position = np.arange(n_in)[None, :]
    weight = _lanczos3((position - centre + 0.5) / stretch)
    weight = np.where((position >= first) & (position < last), weight, 0.0)
    weight /= weight.sum(axis=1, keepdims=True)
    # C's cast after adding half away from zero: not np.round, which rounds halves to even.
    fixed = np.trunc(weight * _FIXED_POINT + np.copysign(0.5, weight))
    matrix: NDArray[np.float32] = (fixed / _FIXED_POINT).astype(np.float32)
    matrix.setflags(write=False)
    return matrix


def _to_levels(x: Any) -> Any:
    levels = ops.clip(ops.floor(x + 0.5), 0.0, 255.0)
    # Rounding has no slope: the straight-through estimator (Bengio et al. 2013,
    # arXiv:1308.3432) lets saliency maps reach the stored patch.
    return x + ops.stop_gradient(levels - x)


def _known_size(shape: Sequence[int | None]) -> tuple[int, int]:
    height, width = shape[1:3]
    if height is None or width is None:
        raise ValueError("LanczosResize needs to know the height and width of its input")
    return height, width


@keras.saving.register_keras_serializable(package="pcam")
class LanczosResize(keras.layers.Layer):
    """Resizes images to a square as ``PIL.Image.resize((size, size), Image.LANCZOS)`` does.

    Horizontal pass, then vertical, each rounded to whole levels and clipped, with Pillow's own
    coefficients: within one level of Pillow (two at the very most), where
    ``keras.ops.image.resize`` is up to 33 levels off. An axis that already has the right length
    is left alone. Gradients pass straight through rounding and clipping.

    Args:
        size: Height and width of the output, in pixels, at least 1.
        **kwargs: As for every Keras layer. ``dtype`` is always float32: half precision cannot
            tell neighbouring levels apart after a matrix product.

    Input: (B, H, W, C), uint8 or float, values 0..255; H and W must be known.
    Output: (B, size, size, C), float32, whole numbers 0..255.

    Raises:
        ValueError: ``size`` is below 1, or H or W is unknown.

    Example:
        >>> LanczosResize(224)(np.zeros((1, 128, 128, 3), "uint8")).shape
        TensorShape([1, 224, 224, 3])
    """

    def __init__(self, size: int, **kwargs: Any) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        if size < 1:
            raise ValueError(f"size must be at least 1 pixel, not {size}")
        self.size = size

    def call(self, images: Any) -> Any:
        """Resizes; shapes, types and ranges as the class says."""
        height, width = _known_size(images.shape)
        x = ops.cast(images, "float32")
        if width != self.size:
            x = _to_levels(ops.einsum("bhwc,ow->bhoc", x, lanczos_matrix(width, self.size)))
        if height != self.size:
            x = _to_levels(ops.einsum("bhwc,oh->bowc", x, lanczos_matrix(height, self.size)))
        return x

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """(B, H, W, C) to (B, size, size, C)."""
        _known_size(input_shape)
        return (input_shape[0], self.size, self.size, input_shape[3])

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to rebuild the layer."""
        return {**super().get_config(), "size": self.size}
