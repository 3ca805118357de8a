import numpy as np
import pytest

from pcam_core.overlap import find_overlaps


@pytest.fixture(scope="session")
def scene():
    """Pixels (400, 400, 3) without pattern."""
    return np.random.default_rng(7).integers(0, 256, (400, 400, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def glass():
    """Pixels (400, 400, 3) of flat 8x8 blocks in a few nearly white shades, as JPEG leaves them."""
    shades = np.random.default_rng(8).integers(243, 247, (50, 50, 1), dtype=np.uint8)
    return shades.repeat(8, axis=0).repeat(8, axis=1).repeat(3, axis=2)


@pytest.fixture(scope="session")
def cut():
    """Cuts the patch at a row and column out of a scene."""
    return lambda scene, y, x: scene[y : y + 96, x : x + 96]


@pytest.fixture(scope="session")
def overlaps_of():
    """Finds the overlaps of patches by name."""
    return lambda patches: find_overlaps(list(patches), lambda ids: (patches[i] for i in ids))
