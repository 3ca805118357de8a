"""Looking at the layers of a network."""

from collections.abc import Iterator
from typing import Any

import keras


def all_layers(model: keras.Model) -> Iterator[Any]:
    """Yield every layer, those of models inside the model included."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from all_layers(layer)
        else:
            yield layer
