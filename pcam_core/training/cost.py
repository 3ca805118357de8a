"""How long a training will take, from its arithmetic and a short measurement."""

import math
import time
from collections.abc import Iterable
from functools import cache
from typing import Any

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
        seconds += _START_SECONDS + training_flops(network) * patches / _flops_a_second()
    return seconds


def checkpoint_bytes(
    models: Iterable[tuple[str, Hyperparameters]], settings: NetworkSettings
) -> int:
    """Return the disk that the two checkpoints of the largest of some trainings take, at most.

    Args:
        models: Architecture and hyperparameters of each.
        settings: Image size.
    """
    plain = settings.model_copy(update={"weights": "none"})
    most = max(build_network(name, plain, chosen).count_params() for name, chosen in models)
    # Each holds float32 weights: the current, the best, their average and Adam's two moments.
    return int(2 * 5 * 4 * most)


def forward_flops(model: keras.Model) -> int:
    """Return the floating-point operations of one image, from convolutions and dense layers."""
    return sum(_layer_flops(layer) for layer in all_layers(model))


def training_flops(model: keras.Model) -> int:
    """Return the floating-point operations of one image in a training step.

    Layers that learn cost their forward pass and twice that for the gradients.
    """
    return sum(
        _layer_flops(layer) * (3 if layer.trainable_weights else 1) for layer in all_layers(model)
    )


def _layer_flops(layer: Any) -> int:
    pixels = 0
    # Dense too: ConvNeXt has such layers at every pixel.
    if isinstance(layer, keras.layers.Dense | keras.layers.DepthwiseConv2D | keras.layers.Conv2D):
        pixels = math.prod(layer.output.shape[1:-1])
    return 2 * pixels * math.prod(layer.kernel.shape) if pixels else 0


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
