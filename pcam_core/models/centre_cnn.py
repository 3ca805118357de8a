"""A compact CNN for 96-pixel patches, trained from random weights: 386,793 parameters.

It has no up: see `training.views` for the mean over flips and quarter turns. Kernels that are
equivariant to these (Veeling et al. 2018, arXiv:1806.03962) were tried in its place and did worse
at equal operations: benchmarks/RESULTS.md.
"""

from typing import Any

from keras import Input, Model, layers

from pcam_core.models.architecture import Architecture
from pcam_core.models.settings import Hyperparameters, NetworkSettings, SearchSpace

FILTERS = (24, 48, 96, 128, 192)


def build(settings: NetworkSettings, hyperparameters: Hyperparameters) -> Model:
    """Stages of one 3x3 convolution, halved in between, and features of the centre and of all.

    The centre third defines a patch's label; the rest is context.

    Args:
        settings: Image size.
        hyperparameters: width (factor on the filters), 1 by default; dropout (share of the
            features), .3 by default.
    """
    pixels = Input((settings.image_size, settings.image_size, 3))
    x: Any = layers.Rescaling(1 / 127.5, -1)(pixels)
    for stage, filters in enumerate(FILTERS):
        if stage:
            # On an odd side windows of two would leave out the last row.
            x = layers.MaxPooling2D(3 if x.shape[1] % 2 else 2, strides=2)(x)
        width = max(round(filters * hyperparameters.get("width", 1)), 1)
        x = layers.Conv2D(width, 3, padding="same", use_bias=False, kernel_initializer="he_normal")(
            x
        )
        x = layers.BatchNormalization()(x)
        x = layers.Activation("relu")(x)
    side = x.shape[1]
    centre = layers.Cropping2D((side - round(side / 3)) // 2)(x)
    features = [
        layers.GlobalAveragePooling2D()(centre),
        layers.GlobalMaxPooling2D()(centre),
        layers.GlobalAveragePooling2D()(x),
    ]
    x = layers.Dropout(hyperparameters.get("dropout", 0.3))(layers.Concatenate()(features))
    probability = layers.Dense(1, activation="sigmoid", dtype="float32")(x)
    return Model(pixels, probability, name="centre_cnn")


def search(hp: Any, space: SearchSpace) -> Hyperparameters:
    """Draw width, dropout and learning rate."""
    return {
        "width": hp.Choice("width", list(space.widths)),
        "dropout": hp.Float("dropout", *space.dropout),
        "learning_rate": hp.Float("learning_rate", *space.learning_rate, sampling="log"),
    }


ARCHITECTURE = Architecture("centre_cnn", build, search, 2e-3, tuned_as="centre_cnn")
