"""What a registered network is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pcam_core.models.settings import Hyperparameters, NetworkSettings, SearchSpace


@dataclass(frozen=True)
class Architecture:
    """A network and what can be chosen about it.

    Attributes:
        name: Its name in recipes.
        build: Makes an untrained `keras.Model` from pixels float32 (n, size, size, 3), RGB,
            0..255, to the probability of tumour float32 (n, 1); own normalisation inside.
        search: Declares its hyperparameters on a `keras_tuner.HyperParameters` within a space
            and returns the drawn values.
        learning_rate: Adam's rate where nothing was tuned.
        tuned_as: The architecture that tuning searches in its place.
    """

    name: str
    build: Callable[[NetworkSettings, Hyperparameters], Any]
    search: Callable[[Any, SearchSpace], Hyperparameters]
    learning_rate: float
    tuned_as: str
