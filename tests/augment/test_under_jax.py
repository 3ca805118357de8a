import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = """
import keras
import numpy as np
from keras import ops

from pcam_core.augment.policies import POLICIES, augment
from pcam_core.augment.registry import OPERATIONS

assert keras.backend.backend() == "jax"
rows, columns = np.mgrid[:32, :32]
smooth = 127 + 60 * np.sin(rows / 5)[..., None] + 60 * np.sin(columns[..., None] / 7 + [0, 1, 2])
pixels = np.stack([smooth, smooth[::-1], smooth[:, ::-1]]).astype("uint8")
for name, operation in OPERATIONS.items():
    draws = operation.draw(np.random.default_rng(4), 3, 32, 1.0)
    there = ops.convert_to_numpy(operation.change(ops.convert_to_tensor(pixels), *draws, xp=ops))
    assert there.shape == pixels.shape, name
    assert there.dtype == ("uint8" if name in ("dihedral", "shift") else "float32"), name
    if name == "noise":
        assert 0.1 < np.abs(there - pixels).mean() < 3
        continue
    here = operation.change(pixels, *draws, xp=np)
    apart = np.abs(here.astype(float) - there).max()
    assert apart < 0.02, (name, apart)
for policy in POLICIES:
    def once(seed):
        images = ops.convert_to_tensor(pixels)
        return ops.convert_to_numpy(augment(images, policy, np.random.default_rng(seed), xp=ops))

    changed = once(1)
    assert changed.dtype == "float32"
    assert changed.min() >= 0 and changed.max() <= 255, policy
    np.testing.assert_array_equal(changed, once(1))
    assert policy == "none" or (changed != once(2)).any(), policy
"""


def test_operations_and_policies_on_the_device_of_jax():
    done = subprocess.run(
        [sys.executable, "-c", CODE],
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
