"""A compact CNN for 96-pixel patches that gives all flips and quarter turns one probability.

Group-equivariant convolutions as in Veeling et al. 2018 (arXiv:1806.03962): 48,422 parameters.
"""

from typing import Any

from keras import Input, Model, layers

from pcam_core.models.architecture import Architecture
from pcam_core.models.p4m import ORIENTATIONS, OrientationPooling, P4MConv, orientation_batch_norm
from pcam_core.models.settings import Hyperparameters, NetworkSettings, SearchSpace

# Filters of each stage, every one in eight orientations.
FILTERS = (3, 6, 12, 16, 24)


def build(settings: NetworkSettings, hyperparameters: Hyperparameters) -> Model:
    """See `network`."""
    return network("p4m_cnn", settings, hyperparameters, equivariant=True)


def network(
    name: str, settings: NetworkSettings, hyperparameters: Hyperparameters, *, equivariant: bool
) -> Model:
    """Stages of one 3x3 convolution, halved in between, and features of the centre and of all.

    The centre third defines a patch's label; the rest is context.

    Args:
        name: Name of the model.
        settings: Image size.
        hyperparameters: width (factor on the filters), 1 by default; dropout (share of the
            features), .3 by default.
        equivariant: Whether kernels come in eight orientations; if not, ordinary convolutions
            of as many channels, and so as many operations, take their place.
    """
    pixels = Input((settings.image_size, settings.image_size, 3))
    x: Any = layers.Rescaling(1 / 127.5, -1)(pixels)
    for stage, filters in enumerate(FILTERS):
        width = max(round(filters * hyperparameters.get("width", 1)), 1)
        if stage:
            # On an odd side windows of two would leave out the last row, and so know an up.
            x = layers.MaxPooling2D(3 if x.shape[1] % 2 else 2, strides=2)(x)
        if equivariant:
            x = orientation_batch_norm(P4MConv(width, lifting=not stage)(x))
        else:
            x = layers.BatchNormalization()(_plain_convolution(width * ORIENTATIONS)(x))
        x = layers.Activation("relu")(x)
    if equivariant:
        x = OrientationPooling()(x)
    side = x.shape[1]
    centre = layers.Cropping2D((side - round(side / 3)) // 2)(x)
    features = [
        layers.GlobalAveragePooling2D()(centre),
        layers.GlobalMaxPooling2D()(centre),
        layers.GlobalAveragePooling2D()(x),
    ]
    x = layers.Dropout(hyperparameters.get("dropout", 0.3))(layers.Concatenate()(features))
    probability = layers.Dense(1, activation="sigmoid", dtype="float32")(x)
    return Model(pixels, probability, name=name)


def _plain_convolution(channels: int) -> layers.Layer:
    return layers.Conv2D(
        channels, 3, padding="same", use_bias=False, kernel_initializer="he_normal"
    )


def search(hp: Any, space: SearchSpace) -> Hyperparameters:
    """Draw width, dropout and learning rate."""
    return {
        "width": hp.Choice("width", list(space.widths)),
        "dropout": hp.Float("dropout", *space.dropout),
        "learning_rate": hp.Float("learning_rate", *space.learning_rate, sampling="log"),
    }


ARCHITECTURE = Architecture("p4m_cnn", build, search, 2e-3, tuned_as="p4m_cnn")
