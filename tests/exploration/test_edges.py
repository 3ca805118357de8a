import numpy as np
import pytest
from scipy import ndimage

from pcam_core.exploration.edges import edge_map, edge_strength


def test_a_flat_patch_has_no_edges():
    assert edge_strength(np.full((2, 96, 96, 3), 77, np.uint8)).tolist() == [0, 0]


@pytest.mark.parametrize("turns", range(4))
def test_a_step_is_half_as_steep_on_each_of_its_two_sides(turns):
    patch = np.zeros((96, 96, 3), np.uint8)
    patch[:, 48:] = 100
    steepness = edge_map(np.rot90(patch, turns))
    values, counts = np.unique(steepness, return_counts=True)
    assert values.tolist() == [0, 50]
    assert counts.tolist() == [94 * 92, 94 * 2]
    expected = 50 * np.sqrt(2 / 94)
    np.testing.assert_allclose(edge_strength(np.rot90(patch, turns)[None]), expected)


def test_a_ramp_is_as_steep_as_it_rises():
    patch = np.repeat(np.broadcast_to(2 * np.arange(96, dtype=np.uint8), (96, 96))[..., None], 3, 2)
    np.testing.assert_array_equal(edge_map(patch), np.full((94, 94), 2.0))


def test_agrees_with_scipy():
    patches = np.random.default_rng(0).integers(0, 256, (5, 96, 96, 3), dtype=np.uint8)
    for patch, strength in zip(patches, edge_strength(patches), strict=True):
        grey = (patch @ np.array([54, 183, 19])) >> 8
        gradient = np.hypot(*(ndimage.sobel(grey, axis)[1:-1, 1:-1] / 8 for axis in (0, 1)))
        np.testing.assert_allclose(edge_map(patch), gradient)
        np.testing.assert_allclose(strength, np.sqrt((gradient**2).mean()))
