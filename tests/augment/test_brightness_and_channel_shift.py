import numpy as np

from pcam_core.augment import brightness_and_channel_shift as colour


def test_ranges_over_many_draws():
    added, factor = colour.draw(np.random.default_rng(0), 4000, 32, 1.0)
    assert -20 <= added.min() < -19.9
    assert 19.9 < added.max() <= 20
    assert 0.9 - 1e-6 <= factor.min() < 0.901
    assert 1.099 < factor.max() <= 1.1 + 1e-6
    assert abs(np.corrcoef(added.ravel(), factor.ravel())[0, 1]) < 0.05


def test_as_keras_generator_does(xp, patches):
    from keras import ops
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    draws = colour.draw(np.random.default_rng(3), len(patches), 32, 1.0)
    images = patches if xp is np else ops.convert_to_tensor(patches)
    found = ops.convert_to_numpy(colour.change(images, *draws, xp=xp))
    generator = ImageDataGenerator()
    for image, changed, added, factor in zip(patches, found, *draws, strict=True):
        parameters = {"channel_shift_intensity": added.item(), "brightness": factor.item()}
        wanted = generator.apply_transform(image.astype(np.float32), parameters)
        # The generator cuts levels down to whole ones in between and at the end.
        assert (changed - wanted).min() >= -1e-3
        assert (changed - wanted).max() < 2.2


def test_the_shift_stays_within_the_images_own_range(run):
    pixels = np.zeros((300, 2, 2, 3), np.float32) + np.array([50, 100, 150], np.float32)
    changed = run("brightness_and_channel_shift", pixels)
    # Brightness is one factor: what the channels differ by tells what was added.
    assert np.ptp(changed[:, :, :, 0] / changed[:, :, :, 2], axis=(1, 2)).max() < 1e-5
    share = changed[:, 0, 0, 0] / changed[:, 0, 0, 2]
    assert (share >= 50 / 150 - 1e-5).all()
    assert (share <= 70 / 150 + 1e-5).all()
    assert changed.max() <= 150 * 1.1 + 1e-3
    assert changed.min() >= 50 * 0.9 - 1e-3
