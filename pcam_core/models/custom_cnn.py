"""The source document's plain CNN: 227,265 parameters."""

from typing import Any

from keras import Input, Model, layers

from pcam_core.models.architecture import Architecture
from pcam_core.models.settings import Hyperparameters, NetworkSettings
from pcam_core.models.tunable_cnn import search

_FILTERS = (32, 64, 128)


def build(settings: NetworkSettings, hyperparameters: Hyperparameters) -> Model:
    """Three 3x3 convolutions with batch norm, then 1,024 dense units.

    Hyperparameters:
        dropout: Share of dense units dropped, .5 by default.
    """
    pixels = Input((settings.image_size, settings.image_size, 3))
    x: Any = layers.Rescaling(1 / 255)(pixels)
    for depth, filters in enumerate(_FILTERS):
        if depth:
            x = layers.MaxPooling2D()(x)
        x = layers.Conv2D(filters, 3, activation="relu")(x)
        x = layers.BatchNormalization()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(1024, activation="relu")(x)
    x = layers.Dropout(hyperparameters.get("dropout", 0.5))(x)
    probability = layers.Dense(1, activation="sigmoid", dtype="float32")(x)
    return Model(pixels, probability, name="custom_cnn")


ARCHITECTURE = Architecture("custom_cnn", build, search, 1e-4, tuned_as="tunable_cnn")
