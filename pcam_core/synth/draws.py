"""Random numbers that stay the same on every platform and under every numpy release.

numpy keeps the stream of PCG64 and of SeedSequence stable for ever, but not what a Generator's
methods make of it. So everything here is made of `Generator.random`, 53 bits of one raw word.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def generator(*entropy: int) -> np.random.Generator:
    """Random generator of one item, independent of all other items' generators.

    Args:
        entropy: Whole numbers >= 0 that name the item, such as seed, split and index.
    """
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence(entropy)))


def uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """One float64 in [low, high)."""
    return low + (high - low) * rng.random()


def normals(rng: np.random.Generator, size: int) -> Floats:
    """`size` standard normal float64 by the method of Box and Muller (1958)."""
    half = (size + 1) // 2
    radius = np.sqrt(-2.0 * np.log(1.0 - rng.random(half)))
    angle = 2.0 * math.pi * rng.random(half)
    return np.concatenate([radius * np.cos(angle), radius * np.sin(angle)])[:size]


def noise(rng: np.random.Generator, shape: tuple[int, int]) -> Floats:
    """Float64 array of `shape`, mean 0, deviation 1, roughly normal (a sum of three uniforms)."""
    draws = rng.random((3, *shape))
    return np.asarray(2.0 * (draws[0] + draws[1] + draws[2] - 1.5))


def choose(rng: np.random.Generator, weights: Sequence[float]) -> int:
    """Index drawn with probability proportional to `weights`."""
    point = rng.random() * sum(weights)
    for index, weight in enumerate(weights):
        point -= weight
        if point < 0:
            return index
    return len(weights) - 1
