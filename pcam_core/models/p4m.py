"""Layers that are equivariant to flips and quarter turns.

Tissue has no up: whatever a kernel finds, its eight turned and mirrored copies should find too.
The eight elements form the point group of P4M (Cohen and Welling 2016, "Group equivariant
convolutional networks", arXiv:1602.07576; for PCam Veeling et al. 2018, arXiv:1806.03962).

A field of `n` oriented filters is float (b, h, w, 8n): the n filters of the first orientation,
then those of the second, and so on. Turning the input turns the field and permutes its
orientations.
"""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import layers, ops
from keras.saving import register_keras_serializable

_TURN = np.array([[0, -1], [1, 0]])
_FLIP = np.array([[1, 0], [0, -1]])
ELEMENTS = np.stack(
    [
        np.linalg.matrix_power(_TURN, turns) @ np.linalg.matrix_power(_FLIP, flips)
        for flips in range(2)
        for turns in range(4)
    ]
)
"""The flips and quarter turns as integer matrices on (row, column), (8, 2, 2)."""

ORIENTATIONS = len(ELEMENTS)


@register_keras_serializable(package="pcam")
class P4MConv(layers.Layer):
    """A convolution with every kernel in eight orientations, "same" padding and no bias.

    Args:
        filters: Kernels; the output has eight times as many channels.
        kernel_size: Height and width of a kernel, pixels, odd.
        lifting: Whether the input is an image, (b, h, w, channels), and not a field.
        **kwargs: As for every Keras layer.

    Output: a field, (b, h, w, 8 * filters), in the compute dtype.
    """

    def __init__(
        self, filters: int, kernel_size: int = 3, *, lifting: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.lifting = lifting

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        """Make the kernel (side, side, orientations, channels, filters)."""
        channels, side = input_shape[-1], self.kernel_size
        assert channels is not None
        orientations = 1 if self.lifting else ORIENTATIONS
        self.kernel = self.add_weight(
            shape=(side, side, orientations, channels // orientations, self.filters),
            initializer="he_normal",
            name="kernel",
        )

    def call(self, x: Any) -> Any:
        """Convolve with the turned kernels."""
        side = self.kernel_size
        taps = ops.reshape(self.kernel, (-1, *self.kernel.shape[-2:]))
        turned = ops.take(taps, _sources(side, self.lifting), axis=0)
        turned = ops.reshape(turned, (ORIENTATIONS, side, side, -1, self.filters))
        turned = ops.moveaxis(turned, 0, -2)
        kernel = ops.reshape(turned, (side, side, -1, ORIENTATIONS * self.filters))
        return ops.conv(x, kernel, padding="same")

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Height and width stay."""
        return (*input_shape[:-1], ORIENTATIONS * self.filters)

    def get_config(self) -> dict[str, Any]:
        """What a saved model needs to rebuild the layer."""
        own = {"filters": self.filters, "kernel_size": self.kernel_size, "lifting": self.lifting}
        return {**super().get_config(), **own}


@register_keras_serializable(package="pcam")
class OrientationPooling(layers.Layer):
    """Mean and maximum over the orientations of a field: (b, h, w, 8n) to (b, h, w, 2n)."""

    def call(self, x: Any) -> Any:
        """Return the means, then the maxima."""
        height, width, channels = x.shape[1:]
        x = ops.reshape(x, (-1, height, width, ORIENTATIONS, channels // ORIENTATIONS))
        return ops.concatenate([ops.mean(x, axis=3), ops.max(x, axis=3)], axis=-1)

    def compute_output_shape(self, input_shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        """Two channels a filter."""
        channels = input_shape[-1]
        assert channels is not None
        return (*input_shape[:-1], 2 * channels // ORIENTATIONS)


def orientation_batch_norm(x: Any) -> Any:
    """Normalise a field (b, h, w, 8n) with one mean, deviation, scale and offset a filter."""
    height, width, channels = x.shape[1:]
    # To batch norm the orientations look like more pixels.
    x = layers.Reshape((height, width * ORIENTATIONS, channels // ORIENTATIONS))(x)
    x = layers.BatchNormalization()(x)
    return layers.Reshape((height, width, channels))(x)


@cache
def _sources(side: int, lifting: bool) -> npt.NDArray[np.int32]:
    """Return which tap of a kernel stands at each tap of its eight copies, (8, taps).

    Copy g has at position p (and, in a field, at orientation h) what the kernel has at the
    inverse of g times p (and times h).
    """
    middle = (side - 1) / 2
    inverses = ELEMENTS.transpose(0, 2, 1)
    positions = inverses @ (np.indices((side, side)).reshape(2, -1) - middle) + middle
    rows, columns = positions.round().astype(np.int32).transpose(1, 0, 2)
    taps = rows * side + columns
    if not lifting:
        products = inverses[:, None] @ ELEMENTS
        which = (products[:, :, None] == ELEMENTS).all((-1, -2)).argmax(-1)
        taps = (taps[:, :, None] * ORIENTATIONS + which[:, None]).reshape(ORIENTATIONS, -1)
    found: npt.NDArray[np.int32] = taps.astype(np.int32)
    return found
