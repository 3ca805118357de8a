import numpy as np
import pytest

from pcam_core.superres.likeness import gallery, psnr, ssim
from pcam_core.superres.upscaler import open_upscaler

UNIT = (0.0, 1.0)


@pytest.fixture(scope="module")
def patches(tissue):
    return np.stack([tissue(96, seed) for seed in range(3)])


def test_figures_are_tensorflows(tissue):
    import tensorflow as tf

    one, two = tissue(48), tissue(48, 1)
    assert psnr(one, two) == pytest.approx(float(tf.image.psnr(one, two, 255)), abs=1e-4)
    assert ssim(one, two) == pytest.approx(float(tf.image.ssim(one, two, 255)), abs=1e-4)


def test_equal_patches(tissue):
    assert (psnr(tissue(32), tissue(32)), ssim(tissue(32), tissue(32))) == (float("inf"), 1.0)


def test_gallery_shows_five_ways_at_one_size(patches):
    crops = patches[:, 32:64, 32:64]
    shown = gallery(crops, open_upscaler("lanczos", UNIT))
    assert list(shown) == ["raw crop", "nearest", "bicubic", "LANCZOS", "upscaler"]
    assert {(way.shape, way.dtype.name) for way in shown.values()} == {((3, 128, 128, 3), "uint8")}
    np.testing.assert_array_equal(shown["raw crop"][:, 48:80, 48:80], crops)
    assert np.all(shown["raw crop"][:, :48] == 255)
    np.testing.assert_array_equal(shown["nearest"], crops.repeat(4, 1).repeat(4, 2))
    np.testing.assert_array_equal(shown["upscaler"], shown["LANCZOS"])
    assert np.any(shown["bicubic"] != shown["LANCZOS"])


def test_gallery_without_enlargement(patches):
    shown = gallery(patches, open_upscaler("none", UNIT))
    assert all(np.array_equal(way, patches) for way in shown.values())
