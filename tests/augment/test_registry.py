"""What holds for every operation, on the processor and on the device."""

import numpy as np
import pytest

from pcam_core.augment.registry import OPERATIONS

MOVES = {"dihedral", "shift"}
FLIPS = {"affine", "dihedral"}


def test_every_operation_has_its_own_name():
    assert all(name == operation.name for name, operation in OPERATIONS.items())
    assert len(OPERATIONS) == 7


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_shape_type_range_and_seed(run, patches, name, dtype):
    pixels = patches.astype(dtype)
    changed = run(name, pixels)
    assert changed.shape == pixels.shape
    assert changed.dtype == (dtype if name in MOVES else np.float32)
    assert changed.min() >= 0
    assert changed.max() <= 255
    np.testing.assert_array_equal(changed, run(name, pixels))
    assert (changed != run(name, pixels, seed=1)).any()


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("level", [0, 255])
@pytest.mark.parametrize("strength", [1, 3])
def test_black_and_white_stay_in_range(run, name, level, strength):
    changed = run(name, np.full((20, 8, 8, 3), level, np.uint8), strength=strength)
    assert np.isfinite(changed).all()
    assert changed.min() >= 0
    assert changed.max() <= 255 + 1e-4  # the device's sampling rounds as float32 does


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - MOVES))
def test_each_patch_is_changed_in_its_own_way(run, patches, name):
    changed = run(name, np.repeat(patches[:1], 30, axis=0))
    assert len({image.tobytes() for image in changed}) == 30


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - FLIPS))
def test_no_strength_is_the_identity(run, patches, name):
    np.testing.assert_allclose(run(name, patches, strength=0), patches, atol=0.01)


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - FLIPS))
def test_more_strength_changes_more(run, patches, name):
    def change(strength):
        pixels = np.repeat(patches, 20, axis=0)
        return np.abs(run(name, pixels, strength=strength).astype(float) - pixels).mean()

    assert 0 < change(1) < change(2) < change(3)


@pytest.mark.parametrize("name", sorted(OPERATIONS.keys() - {"noise"}))
def test_the_processor_and_the_device_agree(patches, name):
    from keras import ops

    operation = OPERATIONS[name]
    draws = operation.draw(np.random.default_rng(4), len(patches), 32, 1.0)
    here = operation.change(patches, *draws, xp=np)
    there = operation.change(ops.convert_to_tensor(patches), *draws, xp=ops)
    np.testing.assert_allclose(here, ops.convert_to_numpy(there), atol=0.02)
