import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pcam_core.superres.restoration import Likeness, gallery, measure_restoration, psnr, ssim
from pcam_core.superres.upscaler import Upscaler, open_upscaler

UNIT = (0.0, 1.0)
SAMPLE = Path(__file__).resolve().parents[3] / "shared" / "pcam_sample" / "patches.tar"


@pytest.fixture(scope="module")
def patches(tissue):
    return np.stack([tissue(96, seed) for seed in range(3)])


def by_pillow(method):
    def enlarge(batch):
        images = [Image.fromarray(patch) for patch in batch.astype(np.uint8)]
        grown = [image.resize((image.width * 4, image.height * 4), method) for image in images]
        return np.stack([np.asarray(image, np.float32) for image in grown])

    return Upscaler(4, enlarge)


def test_figures_are_tensorflows(tissue):
    import tensorflow as tf

    one, two = tissue(48), tissue(48, 1)
    assert psnr(one, two) == pytest.approx(float(tf.image.psnr(one, two, 255)), abs=1e-4)
    assert ssim(one, two) == pytest.approx(float(tf.image.ssim(one, two, 255)), abs=1e-4)


def test_equal_patches(tissue):
    assert (psnr(tissue(32), tissue(32)), ssim(tissue(32), tissue(32))) == (float("inf"), 1.0)


def test_bicubic_against_itself_is_a_draw(patches):
    found = measure_restoration(patches, by_pillow(Image.Resampling.BICUBIC))
    assert found.patches == 3
    assert found.upscaler == found.bicubic
    assert 10 < found.bicubic.psnr < 40
    assert 0 < found.bicubic.ssim < 1


def test_a_worse_method_scores_less(patches):
    found = measure_restoration(patches, by_pillow(Image.Resampling.NEAREST))
    assert found.upscaler.psnr < found.bicubic.psnr
    assert found.upscaler.ssim < found.bicubic.ssim


def test_a_perfect_method_scores_best(patches):
    answers = np.concatenate([patches, np.zeros((5, 96, 96, 3))]).astype(np.float32)
    found = measure_restoration(patches, Upscaler(4, lambda _: answers))
    assert found.upscaler == Likeness(60.0, 1.0)


def test_a_scale_that_does_not_divide_leaves_pixels_out(patches):
    grow = lambda batch: batch.repeat(7, 1).repeat(7, 2)  # noqa: E731
    assert measure_restoration(patches, Upscaler(7, grow)).upscaler.psnr > 10


def test_nothing_to_restore_is_refused(patches):
    with pytest.raises(ValueError, match="enlarges"):
        measure_restoration(patches, open_upscaler("none", UNIT))
    with pytest.raises(ValueError, match="patches"):
        measure_restoration(patches[:0], open_upscaler("lanczos", UNIT))


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


def test_real_patches_as_published_beside_the_models(slim_path):
    """The models' README: slim 18.66 dB, bicubic 18.68 on 64 patches that it does not name."""
    if not SAMPLE.is_file():
        pytest.skip("../shared/pcam_sample is not beside the repository")
    with tarfile.open(SAMPLE) as archive:
        names = sorted(name for name in archive.getnames() if name.endswith(".webp"))[::93][:64]
        files = [archive.extractfile(name).read() for name in names]
    real = np.stack([np.asarray(Image.open(io.BytesIO(file)).convert("RGB")) for file in files])
    found = measure_restoration(real, open_upscaler(str(slim_path), UNIT))
    print(found)
    assert found.patches == 64
    assert found.bicubic.psnr == pytest.approx(18.68, abs=0.5)
    assert found.upscaler.psnr - found.bicubic.psnr == pytest.approx(-0.02, abs=0.1)
    assert found.upscaler.ssim > found.bicubic.ssim
