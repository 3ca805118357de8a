import keras
import numpy as np
import pytest

from pcam_core.models.efficientnet_b0 import imagenet_rescaling
from pcam_core.models.registry import build_network
from pcam_core.models.settings import NetworkSettings

MEAN = np.array([0.485, 0.456, 0.406])
DEVIATION = np.array([0.229, 0.224, 0.225])


@pytest.fixture(scope="module")
def backbone():
    """A random backbone whose normalisation is ImageNet's, as in its published weights."""
    keras.utils.set_random_seed(1)
    model = keras.applications.EfficientNetB0(
        include_top=False, weights=None, input_shape=(32, 32, 3)
    )
    normalisation = next(
        layer for layer in model.layers if isinstance(layer, keras.layers.Normalization)
    )
    # Pixels are divided by 255 before.
    normalisation.set_weights([MEAN, DEVIATION**2, np.array(0)])
    normalisation.finalize_state()
    return model


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(2).uniform(0, 255, (3, 32, 32, 3)).astype(np.float32)


def test_the_rescaling_equals_the_second_division(backbone, images):
    layers = backbone.layers
    place = next(
        n for n, layer in enumerate(layers) if isinstance(layer, keras.layers.Normalization)
    )
    front = keras.Model(backbone.input, layers[place].output)
    wanted = front(images) / np.sqrt(DEVIATION).astype(np.float32)
    np.testing.assert_allclose(front(imagenet_rescaling()(images)), wanted, rtol=1e-4, atol=1e-5)
    assert np.abs(front(images) - wanted).max() > 0.5


def test_a_weights_file_gets_imagenets_graph(backbone, images, tmp_path):
    path = tmp_path / "weights.weights.h5"
    backbone.save_weights(path)
    network = build_network("efficientnet_b0", NetworkSettings(weights=str(path), image_size=32))
    pooling = next(
        layer for layer in network.layers if isinstance(layer, keras.layers.GlobalAveragePooling2D)
    )
    features = keras.Model(network.input, pooling.input)
    np.testing.assert_allclose(
        features(images), backbone(imagenet_rescaling()(images)), rtol=1e-3, atol=1e-5
    )


def test_random_weights_get_none():
    network = build_network("efficientnet_b0", NetworkSettings(weights="none", image_size=32))
    kinds = [type(layer) for layer in network.layers]
    assert keras.layers.Rescaling not in kinds
