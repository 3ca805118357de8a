"""Explanations under JAX are those under TensorFlow."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from pcam_core.explanation.maps import heat_maps
from pcam_core.explanation.tapped import TappedModel
from pcam_core.training.serving import save_model

ROOT = Path(__file__).parents[2]
CODE = """
import sys

import keras
import numpy as np

from pcam_core.explanation.maps import heat_maps
from pcam_core.explanation.tapped import TappedModel
from pcam_core.training.serving import load_model

assert keras.backend.backend() == "jax"
model = TappedModel(load_model(sys.argv[1]))
found = heat_maps(model, np.load(sys.argv[2]), 4)
np.savez(sys.argv[3], logits=found.logits, **found.maps)
"""


def test_maps_under_jax_are_those_under_tensorflow(network, pictures, tmp_path):
    model, patches, out = (tmp_path / name for name in ("model.keras", "p.npy", "maps.npz"))
    save_model(network, model)
    np.save(patches, pictures[:4])
    done = subprocess.run(
        [sys.executable, "-c", CODE, model, patches, out],
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = heat_maps(TappedModel(network), pictures[:4], 4)
    with np.load(out) as found:
        np.testing.assert_allclose(found["logits"], expected.logits, rtol=1e-3, atol=1e-4)
        for method, maps in expected.maps.items():
            apart = np.abs(found[method] - maps) / np.abs(maps).max()
            # Where an activation rounds to either side of zero, gradients part for a few pixels.
            assert np.mean(apart > 1e-3) < 0.01, method
            assert apart.max() < 0.02, method
