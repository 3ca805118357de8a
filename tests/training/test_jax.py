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

from pcam_core.augment.policies import POLICIES, augment
from pcam_core.augment.settings import AugmentSettings
from pcam_core.models.settings import NetworkSettings
from pcam_core.patch_store import PatchStore
from pcam_core.training.settings import TrainingSettings
from pcam_core.training.trainer import Trainer

assert keras.backend.backend() == "jax"
pixels = np.random.default_rng(0).uniform(0, 255, (4, 32, 32, 3)).astype("float32")
for policy in POLICIES:
    images = keras.ops.convert_to_tensor(pixels)
    changed = keras.ops.convert_to_numpy(augment(images, policy, np.random.default_rng(1)))
    assert changed.min() >= 0 and changed.max() <= 255, policy

store = PatchStore(Path(sys.argv[1]))
table = pd.DataFrame({"id": store.ids, "label": [0, 1] * (len(store.ids) // 2)})
trainer = Trainer(
    store,
    NetworkSettings(weights="none", image_size=32),
    AugmentSettings(policy="tissue"),
    TrainingSettings(epochs=1, batch_size=8, max_steps=1),
)
trained = trainer.train("custom_cnn", {}, table, table, "One step")
assert np.isfinite(trained.probabilities).all()
trained.model.save(sys.argv[2])
np.save(sys.argv[3], trained.probabilities)
"""


@pytest.fixture(scope="module")
def under_jax(tiny_store_folder, tmp_path_factory):
    """Folder of what one step of training under JAX left."""
    out = tmp_path_factory.mktemp("jax")
    done = subprocess.run(
        [sys.executable, "-c", CODE, tiny_store_folder, out / "model.keras", out / "p.npy"],
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
