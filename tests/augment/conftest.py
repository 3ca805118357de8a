import numpy as np
import pytest
from keras import ops

from pcam_core.augment.registry import OPERATIONS


@pytest.fixture(params=[np, ops], ids=["on the processor", "on the device"])
def xp(request):
    """NumPy, as on the processor, and Keras' operations, as on a device."""
    return request.param


@pytest.fixture
def run(xp):
    """Makes one operation's change of every patch, as the pipeline makes it."""

    def change(name, pixels, seed=0, strength=1.0):
        operation = OPERATIONS[name]
        rng = np.random.default_rng(seed)
        draws = operation.draw(rng, len(pixels), pixels.shape[1], strength)
        if xp is not np:
            return ops.convert_to_numpy(
                operation.change(ops.convert_to_tensor(pixels), *draws, xp=xp)
            )
        ones = [slice(n, n + 1) for n in range(len(pixels))]
        return np.concatenate(
            [operation.change(pixels[n], *(d[n] for d in draws), xp=xp) for n in ones]
        )

    return change


@pytest.fixture(scope="session")
def patches():
    """Smooth patches that differ: uint8 (6, 32, 32, 3)."""
    rng = np.random.default_rng(9)
    rows, columns = np.mgrid[:32, :32] / 32
    waves = rng.uniform(1, 4, (6, 1, 1, 3)) * rows[None, ..., None]
    waves = waves + rng.uniform(1, 4, (6, 1, 1, 3)) * columns[None, ..., None]
    return (127.5 + 110 * np.sin(waves + rng.uniform(0, 6, (6, 1, 1, 3)))).astype(np.uint8)
