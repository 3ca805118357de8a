import numpy as np
import pytest
from keras import ops

from pcam_core.augment.geometry import dihedral, projective


def generator(seed=0):
    return np.random.default_rng(seed)


def noise(count=6, side=16):
    return generator(9).uniform(0, 255, (count, side, side, 3)).astype(np.float32)


def run(function, images, seed=0, **ranges):
    return ops.convert_to_numpy(function(ops.convert_to_tensor(images), generator(seed), **ranges))


def eight(image):
    turned = [np.rot90(image, quarter) for quarter in range(4)]
    return [*turned, *(picture[:, ::-1] for picture in turned)]


@pytest.mark.parametrize("function", [projective, dihedral])
def test_shape_type_range_and_seed(function):
    images = noise()
    changed = run(function, images)
    assert (changed.shape, changed.dtype) == (images.shape, np.float32)
    assert changed.min() >= 0
    assert changed.max() <= 255
    np.testing.assert_array_equal(changed, run(function, images))
    assert (changed != run(function, images, seed=1)).any()


def test_dihedral_draws_each_of_the_eight_equally_often():
    image = noise(1)[0]
    changed = run(dihedral, np.repeat(image[None], 1600, axis=0))
    counts = [int((changed == variant).all(axis=(1, 2, 3)).sum()) for variant in eight(image)]
    assert sum(counts) == 1600
    # Two hundred each; the deviation is 13.
    assert min(counts) > 140
    assert max(counts) < 260


def test_dihedral_keeps_the_centre_in_the_centre():
    images = np.zeros((40, 96, 96, 3), np.float32)
    images[:, 32:64, 32:64] = 1
    np.testing.assert_array_equal(run(dihedral, images), images)


def test_projective_without_ranges_only_mirrors():
    image = noise(1)[0]
    changed = run(projective, np.repeat(image[None], 64, axis=0), degrees=0, shift=0, zoom=0)
    variants = [image, image[::-1], image[:, ::-1], image[::-1, ::-1]]
    near = [(np.abs(changed - variant).max(axis=(1, 2, 3)) < 0.01).sum() for variant in variants]
    assert sum(near) == 64
    assert min(near) >= 4


def test_projective_keeps_a_plain_image_plain():
    images = np.full((20, 32, 32, 3), 200, np.float32)
    np.testing.assert_allclose(run(projective, images), 200, atol=1e-3)


def moments(images):
    """Weighted middle (row, column) of each image."""
    weight = images[..., 0] / images[..., 0].sum(axis=(1, 2), keepdims=True)
    places = np.arange(images.shape[1])
    return np.stack([(weight.sum(axis=2) * places).sum(1), (weight.sum(axis=1) * places).sum(1)])


def spot(count, row, column, side=64):
    rows, columns = np.mgrid[:side, :side]
    one = 255 * np.exp(-((rows - row) ** 2 + (columns - column) ** 2) / 8.0)
    return np.repeat(np.repeat(one[None, ..., None], 3, axis=3), count, axis=0).astype(np.float32)


def test_shifts_stay_within_their_share_and_fill_it():
    changed = run(projective, spot(200, 31.5, 31.5), degrees=0, zoom=0, shift=0.1, fill=0)
    away = np.abs(moments(changed) - 31.5)
    assert away.max() <= 6.4 + 0.05
    assert (away.max(axis=1) > 5.5).all()


def test_rotation_stays_within_its_range_and_keeps_the_distance():
    changed = run(projective, spot(200, 31.5, 51.5), degrees=20, zoom=0, shift=0, fill=0)
    row, column = moments(changed) - 31.5
    np.testing.assert_allclose(np.hypot(row, column), 20, atol=0.2)
    angle = np.rad2deg(np.arctan2(np.abs(row), np.abs(column)))
    assert 17 < angle.max() <= 20.2


def test_what_comes_from_outside_is_filled():
    images = np.zeros((50, 32, 32, 3), np.float32)
    changed = run(projective, images, degrees=0, zoom=0, shift=0.3, fill=77)
    assert changed.max() == pytest.approx(77)
    assert changed[:, 12:20, 12:20].max() == 0
