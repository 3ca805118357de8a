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
pytestmark = pytest.mark.slow


def patches():
    return np.random.default_rng(0).uniform(0, 255, (4, 24, 24, 3)).astype(np.float32)


@pytest.mark.parametrize("name", [entry.name for entry in CATALOGUE if "imagenet" in entry.weights])
def test_a_backbone_trains_under_jax_and_serves_under_tensorflow(name, tmp_path):
    model, probabilities = tmp_path / "model.keras", tmp_path / "probabilities.npy"
    environment = {
        "KERAS_BACKEND": "jax",
        "XLA_FLAGS": "--xla_backend_optimization_level=0",  # one step: compiling takes longest
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, __file__, name, model, probabilities],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = load_model(model).predict_on_batch(patches())
    np.testing.assert_allclose(found, np.load(probabilities), atol=1e-4)


def under_jax(name, model, probabilities):
    assert keras.backend.backend() == "jax"
    settings = NetworkSettings(
        weights="none", image_size=32, trained_blocks="all", precision="float32"
    )
    serving = serving_model(build_network(name, settings), 24)
    serving.compile(optimizer="adam", loss="binary_crossentropy")
    assert np.isfinite(serving.train_on_batch(patches(), np.array([[0], [1], [0], [1]])))
    save_model(serving, Path(model))
    np.save(probabilities, serving.predict_on_batch(patches()))


if __name__ == "__main__":
    under_jax(*sys.argv[1:])
