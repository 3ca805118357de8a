"""What the device gives at most: a large convolution and a large matrix product, by precision.

Neighbours on a shared machine hit all alike only if all take turns: what is measured and its
ceiling are called one after the other, and compared turn by turn.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

_SIDE, _CHANNELS, _IMAGES = 32, 256, 8
_ROWS = 2048


@dataclass(frozen=True)
class Measured:
    """A call that can be repeated.

    Attributes:
        call: Does it.
        operations: Floating-point operations of one call.
    """

    call: Callable[[], Any]
    operations: float


def large_convolution(precision: str) -> Measured:
    """Everything that a convolution can be given: many channels, and a result of one number."""
    import keras
    from keras import ops

    kernel = ops.ones((3, 3, _CHANNELS, _CHANNELS), precision)
    images = np.ones((_IMAGES, _SIDE, _SIDE, _CHANNELS), np.float32)

    def convolved(x: Any) -> Any:
        return ops.max(ops.conv(x, kernel, padding="same"), axis=(1, 2, 3))

    inputs = keras.Input(images.shape[1:], dtype=precision)
    operations = 2 * images[..., 0].size * kernel_operations(kernel)
    return Measured(_predicting(inputs, convolved, images, precision), operations)


def large_product(precision: str) -> Measured:
    """A product of two square matrices, its result of one number a row."""
    import keras
    from keras import ops

    matrix = ops.ones((_ROWS, _ROWS), precision)

    def multiplied(x: Any) -> Any:
        return ops.max(ops.matmul(x, matrix), axis=1)

    inputs = keras.Input((_ROWS,), dtype=precision)
    rows = np.ones((_ROWS, _ROWS), np.float32)
    return Measured(_predicting(inputs, multiplied, rows, precision), 2 * _ROWS**3)


def kernel_operations(kernel: Any) -> float:
    """Return the multiplications of one output pixel."""
    return float(np.prod(kernel.shape))


def _predicting(
    inputs: Any, function: Callable[[Any], Any], values: Any, precision: str
) -> Callable[[], Any]:
    import keras

    from pcam_core.superres.on_levels import jit_choices

    model = keras.Model(inputs, keras.layers.Lambda(function, dtype=precision)(inputs))
    model.compile(jit_compile=jit_choices()[0])
    held = keras.ops.convert_to_tensor(values, precision)  # on the device already
    return lambda: model.predict_on_batch(held)


def in_turns(rounds: int, works: Sequence[Measured]) -> list[list[float]]:
    """Return the operations a second of each call, all in turns, after one each that compiles."""
    rates: list[list[float]] = [[] for _ in works]
    for number in range(rounds + 1):
        for work, found in zip(works, rates, strict=True):
            start = time.perf_counter()
            work.call()
            if number:
                found.append(work.operations / (time.perf_counter() - start))
    return rates


def share(rates: Sequence[float], ceiling: Sequence[float]) -> float:
    """Return how much of the ceiling is reached: the median over turns."""
    pairs = zip(rates, ceiling, strict=True)
    return statistics.median(one / other for one, other in pairs)
