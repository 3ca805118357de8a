"""Finding the feature map that Grad-CAM looks at."""

from dataclasses import dataclass
from typing import Any

import keras
from keras import layers, ops

from pcam_core.errors import InputError
from pcam_core.explanation.grid import Grid
from pcam_core.explanation.walk import walk

# Of fewer pixels a side a map does not tell the centre from the edge.
_LEAST_SIDE = 4
# What these give is a part or a summary of the map before them.
_RESHAPED = (
    layers.MaxPooling2D,
    layers.AveragePooling2D,
    layers.ZeroPadding2D,
    layers.Cropping2D,
    layers.Reshape,
)


@dataclass(frozen=True)
class FeatureMap:
    """The last feature map below a head.

    Attributes:
        layer: Name of the layer that gives it.
        channels: How many it has.
        grid: Where its pixels lie in the picture that the model takes.
        call: Number of the layer's call; see `walk`.
    """

    layer: str
    channels: int
    grid: Grid
    call: int


def is_head(layer: Any) -> bool:
    """Tell whether a layer turns a logit into the probability: dense, one unit, a sigmoid."""
    return (
        isinstance(layer, layers.Dense)
        and layer.units == 1
        and layer.activation is keras.activations.sigmoid
    )


def feature_maps(model: keras.Model) -> tuple[FeatureMap, ...]:
    """Return, for every head of a model, the last map before it that is four pixels wide or more.

    A network for large pictures that is given small ones ends in a single pixel; then an earlier
    map tells more.

    Args:
        model: Takes pictures (n, side, side, 3). Networks whose probabilities are averaged have a
            head each.

    Raises:
        InputError: There is no head, or no such map before one.
    """
    found: list[FeatureMap] = []
    last: FeatureMap | None = None
    seen: dict[int, tuple[Any, Grid]] = {}  # by id; the tensor is kept so that its id is not reused

    def visit(number: int, layer: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        nonlocal last
        if is_head(layer) and last:
            found.append(last)
            last = None
        output = layer(*arguments, **options)
        shape: Any = getattr(output, "shape", ())
        before = [seen[id(a)][1] for a in keras.tree.flatten(arguments) if id(a) in seen]
        if len(shape) < 4 or not before:
            return output
        # Of a map and the gates that it is multiplied with, the map decides.
        grid = max(before, key=lambda grid: grid.count).after(layer, int(shape[1]))
        seen[id(output)] = (output, grid)
        if len(shape) == 4 and grid.count >= _LEAST_SIDE and not isinstance(layer, _RESHAPED):
            last = FeatureMap(layer.name, int(shape[3]), grid, number)
        return output

    side = int(model.input_shape[1])
    blank = ops.zeros((1, side, side, 3))
    seen[id(blank)] = (blank, Grid(0.0, 1.0, side))
    walk(model, blank, visit)
    if not found:
        raise InputError(
            f"The model {model.name!r} cannot be explained: before a dense layer of one unit with a"
            f" sigmoid it has no feature map of {_LEAST_SIDE}x{_LEAST_SIDE} pixels or more.",
            "Give a model that `pcam train` has made.",
        )
    return tuple(found)
