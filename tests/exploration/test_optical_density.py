import numpy as np
import pytest

from pcam_core.exploration.levels import level_counts
from pcam_core.exploration.optical_density import mean_density, stain_amounts
from pcam_core.stains import EOSIN, HAEMATOXYLIN


def of_density(density):
    """One patch of one colour."""
    level = np.rint(256 * 10.0 ** -np.asarray(density) - 1)
    return np.broadcast_to(np.clip(level, 0, 255), (1, 8, 8, 3)).astype(np.uint8)


def test_counts_of_a_known_patch():
    patch = np.zeros((1, 2, 3, 3), np.uint8)
    patch[0, 0, 0] = (255, 7, 0)
    counts = level_counts(patch)
    assert counts.shape == (1, 3, 256)
    assert [counts[0, 0, 255], counts[0, 1, 7], counts[0, 2, 0]] == [1, 1, 6]
    np.testing.assert_array_equal(counts.sum(axis=-1), [[6, 6, 6]])


@pytest.mark.parametrize(("level", "density"), [(255, 0), (127, 0.30103), (0, 2.40824)])
def test_density_of_one_level(level, density):
    found = mean_density(level_counts(np.full((1, 4, 4, 3), level, np.uint8)))
    np.testing.assert_allclose(found, np.full((1, 3), density), atol=1e-4)


def test_density_is_the_mean_of_pixels_and_not_that_of_the_mean():
    patch = np.zeros((1, 2, 1, 3), np.uint8)
    patch[0, 0] = 255
    np.testing.assert_allclose(mean_density(level_counts(patch)), 2.40824 / 2, atol=1e-4)


@pytest.mark.parametrize(("haematoxylin", "eosin"), [(0.8, 0), (0, 0.8), (0.5, 0.3), (0, 0)])
def test_stains_are_separated(haematoxylin, eosin):
    units = [np.array(stain) / np.linalg.norm(stain) for stain in (HAEMATOXYLIN, EOSIN)]
    patch = of_density(haematoxylin * units[0] + eosin * units[1])
    amounts = stain_amounts(mean_density(level_counts(patch)))
    np.testing.assert_allclose(amounts, [[haematoxylin, eosin]], atol=0.01)
