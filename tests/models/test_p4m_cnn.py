import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from pcam_core.models.registry import build_network
from pcam_core.models.settings import NetworkSettings
from pcam_core.training.cost import forward_flops
from pcam_core.training.serving import load_model, save_model

ROOT = Path(__file__).parents[2]


def patches(side):
    return np.random.default_rng(side).uniform(0, 255, (8, side, side, 3)).astype(np.float32)


def built(side=96, name="p4m_cnn"):
    keras.utils.set_random_seed(0)
    settings = NetworkSettings(weights="none", image_size=side, precision="float32")
    return build_network(name, settings)


def trained(network, steps=3):
    """The network after a few steps, in which every weight has moved."""
    side = network.input_shape[1]
    network.compile(optimizer=keras.optimizers.Adam(3e-3), loss="binary_crossentropy")
    before = [keras.ops.convert_to_numpy(weight) for weight in network.trainable_weights]
    for _ in range(steps):
        assert np.isfinite(network.train_on_batch(patches(side), np.arange(8)[:, None] % 2))
    for old, new in zip(before, network.trainable_weights, strict=True):
        assert not np.allclose(old, keras.ops.convert_to_numpy(new), atol=1e-6), new.path
    return network


def differences(network):
    """Largest change of a probability under each of the eight flips and turns."""
    images = patches(network.input_shape[1])
    first = network.predict_on_batch(images)
    assert first.std() > 1e-3
    views = (
        np.rot90(mirrored, turns, axes=(1, 2))
        for mirrored in (images, images[:, ::-1])
        for turns in range(4)
    )
    return [abs(network.predict_on_batch(np.ascontiguousarray(v)) - first).max() for v in views]


@pytest.fixture(scope="module")
def network():
    return trained(built())


def test_flips_and_turns_change_nothing(network):
    assert max(differences(network)) < 1e-5


def test_a_loaded_network_is_the_same(network, tmp_path):
    save_model(network, tmp_path / "p4m.keras")
    loaded = load_model(tmp_path / "p4m.keras")
    wanted = network.predict_on_batch(patches(96))
    np.testing.assert_allclose(loaded.predict_on_batch(patches(96)), wanted, atol=1e-6)
    assert max(differences(loaded)) < 1e-5


@pytest.mark.parametrize("side", [32, 50, 63, 224])
def test_other_sizes(side):
    assert max(differences(built(side))) < 1e-5


def test_the_plain_twin_is_as_much_work_and_knows_an_up(network):
    plain = built(name="plain_cnn")
    assert forward_flops(plain) == pytest.approx(forward_flops(network), rel=1e-4)
    assert max(differences(plain)) > 1e-3


@pytest.mark.parametrize("width", [0.1, 0.5, 2])
def test_width(width):
    settings = NetworkSettings(weights="none", image_size=32)
    found = build_network("p4m_cnn", settings, {"width": width})
    assert found.layers[2].filters == max(round(3 * width), 1)


def test_half_precision_trains():
    settings = NetworkSettings(weights="none", image_size=32, precision="mixed_bfloat16")
    try:
        network = build_network("p4m_cnn", settings)
        network.compile(optimizer="adam", loss="binary_crossentropy")
        assert np.isfinite(network.train_on_batch(patches(32), np.arange(8)[:, None] % 2))
        assert network.predict_on_batch(patches(32)).dtype == np.float32
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.slow
def test_under_jax_as_under_tensorflow(tmp_path):
    saved, probabilities = tmp_path / "p4m.keras", tmp_path / "probabilities.npy"
    done = subprocess.run(
        [sys.executable, __file__, saved, probabilities],
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = load_model(saved).predict_on_batch(patches(32))
    np.testing.assert_allclose(found, np.load(probabilities), atol=1e-5)


def under_jax(saved, probabilities):
    assert keras.backend.backend() == "jax"
    network = trained(built(32), steps=1)
    assert max(differences(network)) < 1e-5
    save_model(network, Path(saved))
    np.save(probabilities, network.predict_on_batch(patches(32)))


if __name__ == "__main__":
    under_jax(*sys.argv[1:])
