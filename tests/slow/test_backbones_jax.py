import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from pcam_core.models.catalogue import CATALOGUE
from pcam_core.models.registry import build_network
from pcam_core.models.settings import NetworkSettings
from pcam_core.training.serving import load_model, save_model, serving_model

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

BACKBONES = [entry.name for entry in CATALOGUE if "imagenet" in entry.weights]


def patches():
    return np.random.default_rng(0).uniform(0, 255, (4, 24, 24, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Every backbone after a step of training, and what it makes of the patches."""
    folder = tmp_path_factory.mktemp("jax")
    environment = {
        "KERAS_BACKEND": "jax",
        "XLA_FLAGS": "--xla_backend_optimization_level=0",  # one step: compiling takes longest
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, __file__, folder],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.parametrize("name", BACKBONES)
def test_a_backbone_trains_under_jax_and_serves_under_tensorflow(name, folder):
    found = load_model(folder / f"{name}.keras").predict_on_batch(patches())
    np.testing.assert_allclose(found, np.load(folder / f"{name}.npy"), atol=1e-4)


def under_jax(name, folder):
    settings = NetworkSettings(
        weights="none", image_size=32, trained_blocks="all", precision="float32"
    )
    serving = serving_model(build_network(name, settings), 24)
    serving.compile(optimizer="adam", loss="binary_crossentropy")
    assert np.isfinite(serving.train_on_batch(patches(), np.array([[0], [1], [0], [1]])))
    save_model(serving, folder / f"{name}.keras")
    np.save(folder / f"{name}.npy", serving.predict_on_batch(patches()))


if __name__ == "__main__":
    assert keras.backend.backend() == "jax"
    for name in BACKBONES:
        keras.utils.clear_session()
        under_jax(name, Path(sys.argv[1]))
