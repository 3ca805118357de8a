"""All networks by name."""

from difflib import get_close_matches
from typing import Any

from pcam_core.errors import InputError
from pcam_core.models import (
    centre_cnn,
    convnext_tiny,
    custom_cnn,
    efficientnet_b0,
    efficientnet_v2_b0,
    resnet50,
    tunable_cnn,
)
from pcam_core.models.architecture import Architecture
from pcam_core.models.fine_tuning import train_blocks
from pcam_core.models.layers import all_layers
from pcam_core.models.settings import Hyperparameters, NetworkSettings

# With Keras' .99 the statistics that inference uses still hold a third of their start values
# after a hundred steps, and a short training looks like chance however well it went.
BATCH_NORM_MOMENTUM = 0.9

ARCHITECTURES: dict[str, Architecture] = {
    module.ARCHITECTURE.name: module.ARCHITECTURE
    for module in (
        custom_cnn,
        tunable_cnn,
        resnet50,
        efficientnet_b0,
        efficientnet_v2_b0,
        convnext_tiny,
        centre_cnn,
    )
}


def architecture(name: str) -> Architecture:
    """Return a registered architecture.

    Raises:
        InputError: There is none of this name.
    """
    if name not in ARCHITECTURES:
        near = get_close_matches(name, ARCHITECTURES, n=1)
        raise InputError(
            f"There is no model {name!r}.",
            f"Did you mean {near[0]!r}?" if near else f"Choose from {', '.join(ARCHITECTURES)}.",
        )
    return ARCHITECTURES[name]


def build_network(
    name: str, settings: NetworkSettings, hyperparameters: Hyperparameters | None = None
) -> Any:
    """Build an untrained `keras.Model` under the settings' precision; see `Architecture.build`.

    Those of its weights are trainable that the settings let learn in the end.

    Raises:
        InputError: There is no such model, or its weights cannot be had.
    """
    import keras

    keras.config.set_dtype_policy(settings.policy)
    network = architecture(name).build(settings, hyperparameters or {})
    for layer in all_layers(network):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = BATCH_NORM_MOMENTUM
    train_blocks(network, settings.trained_blocks)
    return network
