"""Half precision for a network that was built in float32."""

from collections.abc import Iterator

import keras
from keras import layers

from pcam_core.precision import Precision


def set_precision(model: keras.Model, precision: Precision) -> None:
    """Let all layers before the last convolution compute with ``precision``.

    Weights, input and output stay in float32. The last convolution and what follows it compute in
    float32 and take their input as it comes: there a rounding would reach the picture itself.
    Layers whose author chose another arithmetic than float32 keep it.

    Source: Micikevicius et al. 2018, "Mixed Precision Training", arXiv:1710.03740.

    Args:
        model: A functional or sequential model; changed in place, and to be compiled after.
        precision: "float32" changes nothing.
    """
    if precision == "float32":
        return
    found = list(_leaves(model))
    convolutions = [
        index
        for index, layer in enumerate(found)
        if isinstance(layer, (layers.Conv2D, layers.Conv2DTranspose))
    ]
    for layer in found[: max(convolutions, default=0)]:
        if layer.dtype_policy.name == "float32":
            layer.dtype_policy = keras.DTypePolicy(f"mixed_{precision}")


def _leaves(model: keras.Model) -> Iterator[keras.Layer]:
    """The layers in the order of computation, those of nested models in their place."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _leaves(layer)
        else:
            yield layer
