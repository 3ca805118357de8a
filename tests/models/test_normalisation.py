"""Every backbone sees normalised pixels once, whatever its weights come from."""

import keras
import numpy as np
import pytest

from pcam_core.models.registry import build_network
from pcam_core.models.settings import NetworkSettings

IMAGENET_MEAN = 255 * np.array([0.485, 0.456, 0.406])
IMAGENET_DEVIATION = 255 * np.array([0.229, 0.224, 0.225])
PIXELS = np.random.default_rng(5).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
APPLICATIONS = {
    "resnet50": keras.applications.ResNet50,
    "efficientnet_v2_b0": keras.applications.EfficientNetV2B0,
    "convnext_tiny": keras.applications.ConvNeXtTiny,
}


def normalised(name):
    """What the paper's network takes."""
    if name == "resnet50":
        return keras.applications.resnet.preprocess_input(PIXELS.copy())
    return ((PIXELS - IMAGENET_MEAN) / IMAGENET_DEVIATION).astype(np.float32)


def bare(name):
    """The application without any normalisation, with random weights."""
    own = {} if name == "resnet50" else {"include_preprocessing": False}
    shape = PIXELS.shape[1:]
    return APPLICATIONS[name](include_top=False, weights=None, input_shape=shape, **own)


def features(network):
    pooling = next(
        layer for layer in network.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D)
    )
    return keras.Model(network.input, pooling.input).predict_on_batch(PIXELS)


@pytest.mark.parametrize("name", APPLICATIONS)
def test_pixels_are_normalised_once_and_a_file_gets_the_same_graph(name, tmp_path):
    keras.utils.set_random_seed(1)
    application = bare(name)
    wanted = application.predict_on_batch(normalised(name))
    close = {"rtol": 1e-3, "atol": 1e-2 * wanted.std()}
    assert not np.allclose(application.predict_on_batch(PIXELS), wanted, **close)

    network = build_network(name, NetworkSettings(weights="none", image_size=32))
    backbone = next(layer for layer in network.layers if isinstance(layer, keras.Model))
    backbone.set_weights(application.get_weights())
    np.testing.assert_allclose(features(network), wanted, **close)

    path = tmp_path / "weights.weights.h5"
    backbone.save_weights(path)
    network = build_network(name, NetworkSettings(weights=str(path), image_size=32))
    np.testing.assert_allclose(features(network), wanted, **close)
