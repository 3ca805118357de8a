"""What a network has made of a patch just before it decides."""

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from pcam_core.errors import InputError
from pcam_core.explanation.feature_map import is_head
from pcam_core.explanation.walk import walk
from pcam_core.patches import Pixels
from pcam_core.training.serving import look_at
from pcam_core.training.views import Views

Floats = npt.NDArray[np.float32]


class FeatureTap:
    """A serving model whose features come with its probabilities, for one pass through it.

    Args:
        model: A serving model, of one network or of several whose probabilities are averaged.

    Raises:
        InputError: It has no dense layer of one unit with a sigmoid.
    """

    def __init__(self, model: keras.Model) -> None:
        self._both = _WithFeatures(model)
        side = int(model.input_shape[1])
        self._both(np.zeros((1, side, side, 3), np.float32))
        self._seen: list[Floats] = []

    def predict_on_batch(self, pictures: Floats) -> Floats:
        """Return the probabilities (n, 1), as the model itself does, and keep the features."""
        probabilities, features = self._both.predict_on_batch(pictures)
        self._seen.append(np.asarray(features))
        return np.asarray(probabilities)

    def look(self, patches: Pixels, views: Views) -> tuple[npt.NDArray[np.float64], Floats]:
        """Return the probability over the views, and the features of the untouched patch.

        Args:
            patches: uint8 (n, side, side, 3), RGB, 0..255, as the model takes them.
            views: Flips and quarter turns; see `look_at`.

        Returns:
            float64 (n,), 0..1, and float32 (n, features).
        """
        self._seen.clear()
        probabilities = look_at(self, patches, views)
        return probabilities, self._seen[0]


class _WithFeatures(keras.Model):
    """Gives a list: the model's output, and float32 (n, features) of all its networks.

    No functional model: networks whose probabilities are averaged have layers of equal names.
    """

    def __init__(self, model: keras.Model) -> None:
        super().__init__(name=f"features_of_{model.name}")
        self._model = model

    def call(self, pictures: Any) -> list[Any]:
        taken: list[Any] = []

        def visit(number: int, layer: Any, arguments: Any, options: Any) -> Any:
            del number
            if is_head(layer):
                taken.append(ops.cast(arguments[0], "float32"))
            return layer(*arguments, **options)

        probability = walk(self._model, pictures, visit)
        if not taken:
            raise InputError(
                f"The model {self._model.name!r} does not end in a dense layer with a sigmoid.",
                "Give a model that `pcam train` has made.",
            )
        return [probability, taken[0] if len(taken) == 1 else ops.concatenate(taken, axis=-1)]
