"""The generator of ESRGAN, for batches and for both backends."""

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

RRDB_NAME = "rrdb_net"
"""What the network is called, in a saved file too."""

RRDB_RANGE = (0.0, 255.0)
"""Lowest and highest value of the pixels that it takes and gives."""


@dataclass(frozen=True)
class _Parts:
    """The settings that every block shares."""

    growth: int
    slope: float
    residual_scale: float
    kernel_initializer: str

    def convolution(self, filters: int, name: str) -> Any:
        return layers.Conv2D(
            filters, 3, padding="same", kernel_initializer=self.kernel_initializer, name=name
        )

    def doubling(self, filters: int, name: str) -> Any:
        return layers.Conv2DTranspose(
            filters,
            3,
            strides=2,
            padding="same",
            kernel_initializer=self.kernel_initializer,
            name=name,
        )

    def leaky(self, x: Any) -> Any:
        return layers.LeakyReLU(self.slope)(x)

    def residual(self, x: Any, change: Any) -> Any:
        return layers.Add()([x, layers.Rescaling(self.residual_scale)(change)])


def _dense_block(x: Any, parts: _Parts, name: str) -> Any:
    features = [x]
    for index in range(4):
        seen = x if index == 0 else layers.Concatenate()(features)
        fresh = parts.convolution(parts.growth, f"{name}_conv{index}")(seen)
        features.append(parts.leaky(fresh))
    fuse = parts.convolution(x.shape[-1], f"{name}_conv4")
    return parts.residual(x, fuse(layers.Concatenate()(features)))


def _residual_in_residual(x: Any, parts: _Parts, name: str) -> Any:
    inner = x
    for index in range(3):
        inner = _dense_block(inner, parts, f"{name}_dense{index}")
    return parts.residual(x, inner)


def rrdb_net(
    blocks: int = 11,
    features: int = 32,
    growth: int = 32,
    slope: float = 0.2,
    residual_scale: float = 0.2,
    kernel_initializer: str = "glorot_uniform",
) -> keras.Model:
    """The RRDB generator of ESRGAN with untrained weights: 4x super-resolution.

    Source: Wang et al. 2018, "ESRGAN: Enhanced Super-Resolution Generative Adversarial
    Networks", arXiv:1809.00219. The defaults are the graph that TF-Hub publishes as
    captain-pool/esrgan-tf2 (4,605,955 parameters). It differs from the paper: a leaky ReLU
    follows the first convolution, and two transposed convolutions of stride 2 enlarge, where
    the paper repeats the nearest pixel.

    Args:
        blocks: Residual-in-residual dense blocks of three dense blocks each, at least 1.
        features: Channels between the blocks, at least 1.
        growth: Channels that each convolution in a dense block adds, at least 1.
        slope: Slope of the leaky ReLU below zero.
        residual_scale: Factor on each residual before it is added.
        kernel_initializer: Keras name of an initializer; "zeros" is quick where weights follow.

    Returns:
        A functional model. Input (B, H, W, 3), float32, 0..255; output (B, 4H, 4W, 3), float32
        on the same scale, unclipped. Its layers with weights come in the order of computation.

    Example:
        >>> rrdb_net().count_params()
        4605955
    """
    parts = _Parts(growth, slope, residual_scale, kernel_initializer)
    inputs = keras.Input((None, None, 3), dtype="float32", name="patches")
    shallow = parts.leaky(parts.convolution(features, "shallow")(inputs))
    x = shallow
    for index in range(blocks):
        x = _residual_in_residual(x, parts, f"rrdb{index}")
    x = layers.Add()([parts.convolution(features, "trunk")(x), shallow])
    for name in ("double", "redouble"):
        x = parts.leaky(parts.doubling(features, name)(x))
    x = parts.leaky(parts.convolution(features, "refine")(x))
    return keras.Model(inputs, parts.convolution(3, "picture")(x), name=RRDB_NAME)
