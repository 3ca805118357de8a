"""A model whose logit and last feature maps are given out."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from pcam_core.explanation.feature_map import feature_maps, is_head
from pcam_core.explanation.walk import walk
from pcam_core.models.layers import all_layers


class TappedModel(keras.Model):
    """Gives the logit of a model and the last feature map before it, which can be changed.

    The network may lie at any depth, behind the enlargement for instance. Of several networks
    whose probabilities are averaged, the score is the mean of their logits. Weights are shared
    with the model, whose layers compute in float32 from then on: in half precision small gradients
    would vanish.

    Args:
        model: Takes pictures (n, side, side, 3), 0..255, to a probability; of Keras' functional
            layers.

    Attributes:
        side: Side of the pictures, pixels.
        maps: One a network; see `feature_maps`.

    Input: A list: pictures float32 (n, side, side, 3) and, or not, a change for every map, float32
        (n, h, w, channels), that is added to it.
    Output: A list: logits float32 (n,) and the maps, float32 (n, h, w, channels) each.

    Raises:
        InputError: The model has no logit or no feature map.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__(name=f"tapped_{model.name}")
        for layer in all_layers(model):
            layer.dtype_policy = keras.DTypePolicy("float32")
        self._model = model
        self.side = int(model.input_shape[1])
        self.maps = feature_maps(model)
        self.built = True  # it has no weights but the model's

    def call(self, inputs: Sequence[Any]) -> list[Any]:
        """Runs the model; shapes, types and ranges as the class says."""
        pictures, *changes = inputs
        calls = [found.call for found in self.maps]
        added = dict(zip(calls, changes, strict=True)) if changes else {}
        features: list[Any] = []
        logits: list[Any] = []

        def visit(number: int, layer: Any, arguments: Any, options: Any) -> Any:
            if is_head(layer):
                logit = ops.matmul(arguments[0], layer.kernel)
                logits.append((logit + layer.bias if layer.use_bias else logit)[:, 0])
            output = layer(*arguments, **options)
            if number in calls:
                output = output + added.get(number, 0)
                features.append(output)
            return output

        walk(self._model, pictures, visit)
        return [sum(logits) / len(logits), *features]
