"""What the ImageNet backbones share: loading their weights, and the head on top."""

from collections.abc import Callable, Sequence
from typing import Any

from keras import Input, Model, layers

from pcam_core.errors import InputError
from pcam_core.models.settings import Hyperparameters, NetworkSettings, SearchSpace


def with_head(
    name: str,
    settings: NetworkSettings,
    hyperparameters: Hyperparameters,
    make: Callable[..., Model],
    blocks: Sequence[str],
    normalise: Callable[[Any], Any] = lambda pixels: pixels,
) -> Model:
    """Put the source document's head (1,024 dense units, dropout .5) on a backbone.

    Args:
        name: Name of the model.
        settings: Image size and start weights.
        hyperparameters: dropout, .5 by default.
        make: A function of `keras.applications`.
        blocks: How the name of the first layer of each of the backbone's blocks begins, from
            the input on; `fine_tuning` trains by them.
        normalise: Takes pixels (n, size, size, 3), 0..255, to what the backbone expects; by
            default the backbone does it itself.

    Raises:
        InputError: The weights cannot be downloaded or do not fit.
    """
    side = settings.image_size
    weights = None if settings.weights == "none" else settings.weights
    try:
        backbone = make(include_top=False, weights=weights, input_shape=(side, side, 3))
    except Exception as error:  # Keras raises bare Exception when a download fails
        raise InputError(
            f"The weights {settings.weights!r} of {name} could not be loaded ({error}).",
            "Check the connection or the file, or start from random weights:"
            " --set network.weights=none --set network.trained_blocks=all.",
        ) from error
    backbone.blocks, backbone.pretrained = tuple(blocks), weights is not None
    pixels = Input((side, side, 3))
    x = backbone(normalise(pixels))
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(1024, activation="relu")(x)
    x = layers.Dropout(hyperparameters.get("dropout", 0.5))(x)
    probability = layers.Dense(1, activation="sigmoid", dtype="float32")(x)
    return Model(pixels, probability, name=name)


def search(hp: Any, space: SearchSpace) -> Hyperparameters:
    """Draw dropout and learning rate; the backbone is given."""
    return {
        "dropout": hp.Float("dropout", *space.dropout),
        "learning_rate": hp.Float("learning_rate", *space.learning_rate, sampling="log"),
    }
