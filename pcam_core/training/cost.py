"""How long a training will take, from its arithmetic and a short measurement."""

import math
import time
from collections.abc import Iterable
from functools import cache

import keras
import numpy as np

from pcam_core.models.layers import all_layers
from pcam_core.models.registry import build_network
from pcam_core.models.settings import Hyperparameters, NetworkSettings

# Tracing and compiling a graph, before the first step.
_START_SECONDS = 8.0


def expected_seconds(
    trainings: Iterable[tuple[str, Hyperparameters, float]], settings: NetworkSettings
) -> float:
    """Return about how long trainings will take; good to a factor of two or so.

    Args:
        trainings: Architecture, hyperparameters and number of patches passed through it
            (epochs times patches).
        settings: Image size and precision.
    """
    seconds = 0.0
    for name, hyperparameters, patches in trainings:
        plain = settings.model_copy(update={"weights": "none"})
        network = build_network(name, plain, hyperparameters)
        # A step costs the forward pass and twice that for the gradients.
        seconds += _START_SECONDS + 3 * forward_flops(network) * patches / _flops_a_second()
    return seconds


def forward_flops(model: keras.Model) -> int:
    """Return the floating-point operations of one image, from convolutions and dense layers."""
    total = 0
    for layer in all_layers(model):
        if isinstance(layer, keras.layers.Dense):
            total += 2 * math.prod(layer.kernel.shape)
        elif isinstance(layer, keras.layers.DepthwiseConv2D | keras.layers.Conv2D):
            height, width = layer.output.shape[1:3]
            total += 2 * math.prod(layer.kernel.shape) * height * width
    return total


@cache
def _flops_a_second() -> float:
    """Return the rate of a mid-sized convolution on this device, measured in about a second."""
    layer = keras.Sequential([keras.Input((56, 56, 64)), keras.layers.Conv2D(64, 3)])
    images = np.zeros((32, 56, 56, 64), np.float32)
    layer.predict_on_batch(images)
    start = time.monotonic()
    repeats = 3
    for _ in range(repeats):
        layer.predict_on_batch(images)
    return forward_flops(layer) * len(images) * repeats / (time.monotonic() - start)
