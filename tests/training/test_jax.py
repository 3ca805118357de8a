import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = """
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd

from pcam_core.augment.settings import AugmentSettings
from pcam_core.models.settings import NetworkSettings
from pcam_core.patch_store import PatchStore
from pcam_core.training.checkpoints import Checkpoints
from pcam_core.training.settings import TrainingSettings
from pcam_core.training.trainer import Trainer

assert keras.backend.backend() == "jax"

store = PatchStore(Path(sys.argv[1]))
table = pd.DataFrame({"id": store.ids, "label": [0, 1] * (len(store.ids) // 2)})
trainer = Trainer(
    store,
    NetworkSettings(weights="none", image_size=32),
    AugmentSettings(policy="tissue"),
    TrainingSettings(epochs=2, batch_size=8, max_steps=2, ema=0.5, stop_patience=9),
    checkpoint_seconds=0,
)
small = {"conv_layers": 1, "conv_0_filters": 4, "conv_0_kernel": 3, "dense_units": 16}
details = "tunable_cnn", small, table, table
trained = trainer.train(*details, "Undisturbed")

class Stop(Exception):
    pass

def stopping(self, state, save=Checkpoints.save):
    save(self, state)
    if (state.plain["epoch"], state.plain["step"]) == (1, 1):
        raise Stop

Checkpoints.save, save = stopping, Checkpoints.save
try:
    trainer.train(*details, "Stopped", Path(sys.argv[4]))
except Stop:
    Checkpoints.save = save
again = trainer.train(*details, "Again", Path(sys.argv[4]))
for one, other in zip(again.model.get_weights(), trained.model.get_weights(), strict=True):
    np.testing.assert_array_equal(one, other)
assert again.history.equals(trained.history)
assert np.isfinite(trained.probabilities).all()
trained.model.save(sys.argv[2])
np.save(sys.argv[3], trained.probabilities)
"""


@pytest.fixture(scope="module")
def under_jax(tiny_store_folder, tmp_path_factory):
    """Folder of what a training under JAX left, which also goes on after a stop."""
    out = tmp_path_factory.mktemp("jax")
    paths = [out / "model.keras", out / "p.npy", out / "kept"]
    done = subprocess.run(
        [sys.executable, "-c", CODE, tiny_store_folder, *paths],
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out


def test_what_jax_trained_tensorflow_serves(under_jax, tiny_store):
    import keras
    import numpy as np
    import pandas as pd

    from pcam_core.training.serving import predict

    model = keras.saving.load_model(under_jax / "model.keras", compile=False, safe_mode=True)
    found = predict(model, tiny_store, pd.Series(tiny_store.ids))
    np.testing.assert_allclose(found, np.load(under_jax / "p.npy"), atol=1e-4)
