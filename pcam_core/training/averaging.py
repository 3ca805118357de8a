"""One model out of several whose probabilities are averaged."""

from collections.abc import Sequence

import keras


def averaged(models: Sequence[keras.Model], name: str) -> keras.Model:
    """Return the plain mean of some models' probabilities as one model that holds them all.

    It is saved as one file and looked at as one; `get_layer` finds the models in it by their names.

    Args:
        models: From stored patches (n, side, side, 3), 0..255, to the probability (n, 1), 0..1;
            of one side, each with a name of its own.
        name: Of the new model.
    """
    stored = keras.Input(models[0].input_shape[1:])
    probabilities = [model(stored) for model in models]
    if len(models) == 1:
        return keras.Model(stored, probabilities[0], name=name)
    # In half precision the mean would lose what the members give in float32.
    mean = keras.layers.Average(dtype="float32")(probabilities)
    return keras.Model(stored, mean, name=name)
