"""Running a model layer by layer, those of nested models in their place."""

from collections.abc import Callable
from itertools import count
from typing import Any

import keras

Visit = Callable[[int, Any, tuple[Any, ...], dict[str, Any]], Any]
"""Called with the number of the call, the layer and its arguments; returns the layer's output."""


def walk(model: keras.Model, pictures: Any, visit: Visit) -> Any:
    """Return what a functional model makes of pictures when `visit` calls its layers.

    Two walks through the same model number the calls alike.
    """
    numbers = count()

    def call(layer: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(layer, keras.Sequential):
            layer = layer._functional
        if isinstance(layer, keras.Model):
            # The public `clone_model` cannot do it: it gives no hold of a nested model's layers,
            # and a flat model of several networks would hold equal names.
            outputs = layer._run_through_graph(arguments[0], lambda same: same, call)
            return keras.tree.flatten(outputs)[0]
        return visit(next(numbers), layer, arguments, options)

    return call(model, pictures)
