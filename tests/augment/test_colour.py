import numpy as np
import pytest
from keras import ops

from pcam_core.augment.colour import _STAINS, brightness_and_channel_shift, stain_jitter


def images(count=6):
    return np.random.default_rng(9).uniform(0, 255, (count, 8, 8, 3)).astype(np.float32)


def run(function, pixels, seed=0, **ranges):
    changed = function(ops.convert_to_tensor(pixels), np.random.default_rng(seed), **ranges)
    return ops.convert_to_numpy(changed)


@pytest.mark.parametrize("function", [brightness_and_channel_shift, stain_jitter])
@pytest.mark.parametrize("level", [None, 0, 255])
def test_shape_type_range_and_seed(function, level):
    pixels = images() if level is None else np.full((4, 8, 8, 3), level, np.float32)
    changed = run(function, pixels)
    assert (changed.shape, changed.dtype) == (pixels.shape, np.float32)
    assert np.isfinite(changed).all()
    assert changed.min() >= 0
    assert changed.max() <= 255
    np.testing.assert_array_equal(changed, run(function, pixels))
    if level is None:
        assert (changed != run(function, pixels, seed=1)).any()


def test_each_image_is_changed_in_its_own_way():
    pixels = np.repeat(images(1), 30, axis=0)
    for function in (brightness_and_channel_shift, stain_jitter):
        assert len(np.unique(run(function, pixels)[:, 0, 0, 0])) == 30


def test_no_shift_and_no_brightness_is_the_identity():
    same = run(brightness_and_channel_shift, images(), brightness=0, shift=0)
    np.testing.assert_allclose(same, images(), atol=1e-3)


def test_brightness_is_one_factor_within_its_range():
    pixels = np.full((300, 2, 2, 3), 100, np.float32)
    factors = run(brightness_and_channel_shift, pixels, brightness=0.1, shift=0) / 100
    assert np.ptp(factors, axis=(1, 2, 3)).max() < 1e-5
    assert 0.9 - 1e-5 <= factors.min() < 0.92
    assert 1.08 < factors.max() <= 1.1 + 1e-5


def test_the_shift_stays_within_the_images_own_range():
    pixels = np.zeros((300, 2, 2, 3), np.float32) + np.array([50, 100, 150], np.float32)
    changed = run(brightness_and_channel_shift, pixels, brightness=0, shift=20)
    moved = changed[:, 0, 0, 1] - 100
    assert np.abs(moved).max() <= 20
    assert moved.min() < -18
    assert moved.max() > 18
    assert changed.min() >= 50
    assert changed.max() <= 150


def test_no_stain_jitter_is_the_identity():
    np.testing.assert_allclose(
        run(stain_jitter, images(), strength=0, offset=0), images(), atol=0.01
    )


def test_more_stain_is_more_density_of_its_colour():
    amounts = np.array([0.5, 0.3, 0.0])
    pixels = np.broadcast_to(256 * np.exp(-amounts @ _STAINS) - 1, (200, 2, 2, 3))
    changed = run(stain_jitter, pixels.astype(np.float32), strength=0.1, offset=0)
    density = -np.log((changed[:, 0, 0] + 1) / 256)
    found = density @ np.linalg.inv(_STAINS) / [0.5, 0.3, 1]
    assert found[:, :2].min() == pytest.approx(0.9, abs=0.01)
    assert found[:, :2].max() == pytest.approx(1.1, abs=0.01)
    np.testing.assert_allclose(found[:, 2], 0, atol=1e-3)
    assert abs(np.corrcoef(found[:, 0], found[:, 1])[0, 1]) < 0.25
