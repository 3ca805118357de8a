from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from pcam_core.synth import Patch, generate


@dataclass(frozen=True)
class Sample:
    patches: list[Patch]

    @property
    def images(self) -> NDArray[np.uint8]:
        return np.stack([patch.image for patch in self.patches])

    @property
    def labels(self) -> NDArray[np.int64]:
        return np.array([patch.label for patch in self.patches])


@pytest.fixture(scope="session")
def generated() -> Sample:
    return Sample([generate(11, "train", index) for index in range(1000)])


@pytest.fixture(scope="session")
def colour_figures() -> Callable[[NDArray[np.uint8]], NDArray[np.float64]]:
    """Mean and deviation of red, green and blue of every patch."""

    def figures(images: NDArray[np.uint8]) -> NDArray[np.float64]:
        light = images / 255.0
        return np.hstack([light.mean(axis=(1, 2)), light.std(axis=(1, 2))])

    return figures
