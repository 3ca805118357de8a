"""The CNN whose shape is tuned; the notebook's winner has 3,402,241 parameters."""

from typing import Any

from keras import Input, Model, layers

from pcam_core.models.architecture import Architecture
from pcam_core.models.settings import Hyperparameters, NetworkSettings, SearchSpace

# The source document's best trial.
NOTEBOOK_BEST: Hyperparameters = {
    "conv_layers": 4,
    "conv_0_filters": 32,
    "conv_0_kernel": 5,
    "conv_1_filters": 128,
    "conv_1_kernel": 3,
    "conv_2_filters": 256,
    "conv_2_kernel": 7,
    "conv_3_filters": 256,
    "conv_3_kernel": 5,
    "dense_units": 448,
    "dropout": 0.5382,
    "learning_rate": 2.9326e-4,
}


def build(settings: NetworkSettings, hyperparameters: Hyperparameters) -> Model:
    """Blocks of convolution, batch norm and 2x2 pooling, then one dense layer.

    Below the notebook's 224 pixels a kernel may not fit what earlier layers leave: such a
    layer pads its input, and what has one pixel left is not pooled. Parameters stay the same.

    Hyperparameters:
        conv_layers, conv_<i>_filters, conv_<i>_kernel, dense_units, dropout: As in
            `NOTEBOOK_BEST`, which also holds their defaults.
    """
    chosen = NOTEBOOK_BEST | hyperparameters
    pixels = Input((settings.image_size, settings.image_size, 3))
    x: Any = layers.Rescaling(1 / 255)(pixels)
    for depth in range(int(chosen["conv_layers"])):
        kernel = int(chosen[f"conv_{depth}_kernel"])
        padding = "valid" if x.shape[1] > kernel else "same"
        filters = int(chosen[f"conv_{depth}_filters"])
        x = layers.Conv2D(filters, kernel, padding=padding, activation="relu")(x)
        x = layers.BatchNormalization()(x)
        if x.shape[1] > 1:
            x = layers.MaxPooling2D()(x)
    x = layers.GlobalAveragePooling2D()(x)
    x = layers.Dense(int(chosen["dense_units"]), activation="relu")(x)
    x = layers.Dropout(chosen["dropout"])(x)
    probability = layers.Dense(1, activation="sigmoid", dtype="float32")(x)
    return Model(pixels, probability, name="tunable_cnn")


def search(hp: Any, space: SearchSpace) -> Hyperparameters:
    """Draw depth, filters, kernels, dense units, dropout and learning rate."""
    drawn: Hyperparameters = {"conv_layers": hp.Int("conv_layers", *space.conv_layers)}
    least, most = space.conv_layers
    for depth in range(most):
        # Declared at once, else a trial that first meets a layer would take its defaults.
        with hp.conditional_scope("conv_layers", list(range(max(least, depth + 1), most + 1))):
            for kind, choices in (("filters", space.filters), ("kernel", space.kernels)):
                name = f"conv_{depth}_{kind}"
                value = hp.Choice(name, list(choices))
                if value is not None:
                    drawn[name] = value
    drawn["dense_units"] = hp.Int("dense_units", *space.dense_units, step=64)
    drawn["dropout"] = hp.Float("dropout", *space.dropout)
    drawn["learning_rate"] = hp.Float("learning_rate", *space.learning_rate, sampling="log")
    return drawn


ARCHITECTURE = Architecture("tunable_cnn", build, search, 2.9326e-4, tuned_as="tunable_cnn")
