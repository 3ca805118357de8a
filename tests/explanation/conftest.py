"""Models whose explanation is known beforehand."""

import numpy as np
import pytest

SIDE = 12


@pytest.fixture(scope="session")
def patches():
    return np.random.default_rng(0).integers(0, 255, (3, SIDE, SIDE, 3)).astype(np.uint8)


@pytest.fixture(scope="session")
def linear():
    """Make a model whose logit is a weighted sum of pixels, and its weights (side, side, 1)."""
    import keras

    def make(seed=0, side=SIDE):
        weights = np.random.default_rng(seed).normal(0, 1e-3, (side, side, 1))
        pictures = keras.Input((side, side, 3))
        added = keras.layers.Conv2D(1, 1, use_bias=False)
        head = keras.layers.Dense(1, activation="sigmoid")
        model = keras.Model(pictures, head(keras.layers.Flatten()(added(pictures))))
        added.set_weights([np.ones((1, 1, 3, 1))])
        head.set_weights([weights.reshape(-1, 1), np.array([0.5])])
        return model, weights

    return make


@pytest.fixture(scope="session")
def looks_at():
    """Make a model that reads only some rows and columns of its picture."""
    import keras

    def make(place, side=SIDE):
        mask = np.zeros((side, side, 1))
        mask[place, place] = 1 / 255
        pictures = keras.Input((side, side, 3))
        masked = keras.layers.Rescaling(mask.tolist())(pictures)
        added = keras.layers.Conv2D(2, 1, use_bias=False, activation="relu", name="added")
        head = keras.layers.Dense(1, activation="sigmoid")
        pooled = keras.layers.GlobalAveragePooling2D()(added(masked))
        model = keras.Model(pictures, head(pooled))
        added.set_weights([np.ones((1, 1, 3, 2))])
        head.set_weights([np.array([[2.0], [1.0]]), np.zeros(1)])
        return model

    return make


@pytest.fixture(scope="session")
def serving():
    """Make an untrained serving model of a registered network for pictures of 32 pixels."""

    def make(name, stored, precision="float32", seed=7):
        import keras

        from pcam_core.models.registry import build_network
        from pcam_core.models.settings import NetworkSettings
        from pcam_core.training.serving import serving_model

        keras.utils.set_random_seed(seed)
        settings = NetworkSettings(image_size=32, weights="none", precision=precision)
        model = serving_model(build_network(name, settings), stored)
        keras.config.set_dtype_policy("float32")
        return model

    return make


@pytest.fixture(scope="session")
def pictures():
    """Half of them hold a dark square."""
    pixels = np.random.default_rng(5).integers(150, 250, (16, 32, 32, 3)).astype(np.uint8)
    pixels[::2, 8:20, 8:20] //= 3
    return pixels


@pytest.fixture(scope="session")
def network(serving, pictures):
    """A network that has learned to see the dark square."""
    import keras

    model = serving("centre_cnn", 32)
    model.compile(keras.optimizers.Adam(3e-3), "binary_crossentropy")
    labels = np.arange(len(pictures)) % 2 == 0
    model.fit(pictures.astype(np.float32), labels.astype(np.float32), epochs=12, verbose=0)
    return model
