import numpy as np
import pytest

from pcam_core.stains import EOSIN, HAEMATOXYLIN, STAINS


def amounts(images):
    density = -np.log((images[:, 0, 0].astype(float) + 1) / 256)
    return density @ np.linalg.inv(STAINS)


def test_amounts_and_what_is_added_stay_in_their_ranges_and_fill_them(run):
    before = np.array([0.5, 0.3, 0.0])
    pixels = np.broadcast_to(256 * np.exp(-before @ STAINS) - 1, (600, 2, 2, 3))
    after = amounts(run("stain_jitter", pixels.astype(np.float32)))
    most = 0.1 * before + 0.02
    assert (np.abs(after - before) <= most + 1e-3).all()
    np.testing.assert_allclose(np.abs(after - before).max(axis=0), most, atol=0.006)
    assert np.abs(np.corrcoef(after.T) - np.eye(3)).max() < 0.15
    np.testing.assert_allclose(after.mean(axis=0), before, atol=0.005)


def test_the_stains_are_the_shared_ones():
    np.testing.assert_allclose(STAINS[:2] @ STAINS[2], 0, atol=1e-12)
    np.testing.assert_allclose(np.linalg.norm(STAINS, axis=1), 1)
    for row, stain in zip(STAINS, (HAEMATOXYLIN, EOSIN), strict=False):
        np.testing.assert_allclose(row, stain, atol=0.005)


def test_white_stays_almost_white(run):
    changed = run("stain_jitter", np.full((200, 4, 4, 3), 255, np.uint8))
    assert changed.min() > 255 * np.exp(-0.02 * np.abs(STAINS).sum(axis=0).max()) - 1
    assert changed.max() == pytest.approx(255, abs=0.01)
