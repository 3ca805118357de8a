import numpy as np
import pytest


def point():
    images = np.zeros((800, 9, 9, 3), np.float32)
    images[:, 4, 4] = 255
    return images


def test_a_bell_whose_deviation_stays_in_its_range_and_fills_it(run):
    changed = run("blur", point())[..., 0] / 255
    np.testing.assert_allclose(changed.sum(axis=(1, 2)), 1, atol=1e-5)
    np.testing.assert_allclose(changed, changed.transpose(0, 2, 1), atol=1e-6)
    np.testing.assert_allclose(changed, changed[:, ::-1], atol=1e-6)
    deviation = np.sqrt((changed.sum(axis=2) * (np.arange(9) - 4) ** 2).sum(axis=1))
    assert deviation.min() < 0.01
    assert 0.69 < deviation.max() <= 0.7 + 1e-4
    assert deviation.mean() == pytest.approx(0.35, abs=0.025)


def test_it_never_sharpens_nor_overshoots(run):
    changed = run("blur", point(), strength=3)
    assert changed.min() >= 0
    assert (changed.max(axis=(1, 2, 3)) == changed[:, 4, 4, 0]).all()


def test_what_is_plain_stays_plain(run):
    np.testing.assert_allclose(run("blur", np.full((20, 8, 8, 3), 77, np.uint8)), 77, atol=1e-3)
