"""Two devices learn what one learns."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
CODE = """
import json, sys
from pathlib import Path

import pandas as pd
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

from pcam_core.augment.settings import AugmentSettings
from pcam_core.models.settings import NetworkSettings
from pcam_core.patch_store import PatchStore
from pcam_core.training import trainer as module
from pcam_core.training.settings import TrainingSettings

store = PatchStore(Path(sys.argv[1]))
table = pd.read_csv(sys.argv[2])
trainer = module.Trainer(
    store,
    NetworkSettings(weights="none", image_size=32, precision="float32"),
    AugmentSettings(policy="tissue"),
    # The last batch, of one patch, has fewer than devices.
    TrainingSettings(
        epochs=2, batch_size=8, watch="val_auc", ema=0.5, optimizer="adamw", stop_patience=9
    ),
)
small = {"conv_layers": 1, "conv_0_filters": 4, "conv_0_kernel": 3, "learning_rate": 0.01}
found = {}
for devices in (1, 2):
    names = ["CPU:0", "CPU:1"][:devices]
    module.all_gpus = lambda: tf.distribute.MirroredStrategy(names) if devices > 1 else None
    kept = Path(sys.argv[3]) / str(devices)
    details = "tunable_cnn", {**small, "dropout": 0.0}, table.head(25), table, "Mirror", kept
    trained = trainer.train(*details)
    again = trainer.train(*details)  # from its last checkpoint
    found[devices] = {
        "history": trained.history.to_dict("list"),
        "probabilities": trained.probabilities.tolist(),
        "again": again.probabilities.tolist(),
    }
    trained.model.save(Path(sys.argv[3]) / f"{devices}.keras")
Path(sys.argv[4]).write_text(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found(tiny_store_folder, table, tmp_path_factory):
    """By number of devices: history and probabilities."""
    folder = tmp_path_factory.mktemp("devices")
    table.to_csv(folder / "table.csv", index=False)
    paths = [tiny_store_folder, folder / "table.csv", folder, folder / "found.json"]
    done = subprocess.run(
        [sys.executable, "-c", CODE, *paths],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads((folder / "found.json").read_text())


def test_two_devices_learn_what_one_learns(found):
    one, two = found["1"], found["2"]
    np.testing.assert_allclose(two["probabilities"], one["probabilities"], atol=2e-3)
    for name, figures in one["history"].items():
        # A patch that both devices get is counted twice in the figures of training.
        near = 0.005 if name.startswith("val_") else 0.05
        np.testing.assert_allclose(two["history"][name], figures, atol=near, err_msg=name)


def test_a_finished_training_comes_back_from_its_checkpoint(found):
    for one in found.values():
        assert one["again"] == one["probabilities"]
