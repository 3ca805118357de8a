import urllib.error

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from pcam_core.errors import InputError
from pcam_core.superres import upscaler as module
from pcam_core.superres.hub_download import HUB_HANDLE, download_hub_esrgan
from pcam_core.superres.upscaler import Upscaler, digest, open_upscaler

UNIT = (0.0, 1.0)
LEVELS = (0.0, 255.0)


def smooth():
    rows, columns = np.mgrid[:128, :128] / 127
    channels = [
        0.5 + 0.3 * np.sin(6 * columns) * np.cos(5 * rows),
        0.2 + 0.6 * rows,
        0.3 + 0.4 * columns,
    ]
    return np.round(255 * np.stack(channels, -1)).astype(np.uint8)


def psnr(picture, wanted):
    return 10 * np.log10(255**2 / np.mean((picture.astype(float) - wanted) ** 2))


def saved(folder, *stack, shape=(None, None, 3)):
    path = folder / "model.keras"
    keras.Sequential([keras.Input(shape), *stack]).save(path)
    return str(path)


def test_none_keeps_the_crop(tissue):
    upscaler = open_upscaler("none", LEVELS)
    assert upscaler.scale == 1
    np.testing.assert_array_equal(upscaler(tissue(32)[None]), tissue(32)[None])


def test_lanczos_is_pillows(tissue):
    upscaler = open_upscaler("lanczos", LEVELS)
    assert upscaler.scale == 4
    wanted = Image.fromarray(tissue(32)).resize((128, 128), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(upscaler(tissue(32)[None])[0], np.asarray(wanted))


def test_clips_and_truncates():
    values = np.array([-5, 0.9, 254.99, 300], np.float32)
    upscaler = Upscaler(1, lambda _: values.reshape(1, 2, 2, 1))
    enlarged = upscaler(np.zeros((1, 2, 2, 1), np.uint8))
    assert enlarged.dtype == np.uint8
    assert enlarged.ravel().tolist() == [0, 0, 254, 255]


@pytest.mark.parametrize("declared", [UNIT, LEVELS])
def test_clips_and_truncates_on_the_device(tmp_path, declared):
    stretch = layers.Rescaling(1.1, offset=-0.05 * declared[1])  # beyond black and white
    upscaler = open_upscaler(saved(tmp_path, stretch, shape=(16, 16, 3)), declared)
    levels = np.arange(768, dtype=np.uint8).reshape(1, 16, 16, 3)
    wanted = upscaler.enlarge(levels.astype(np.float32))
    assert wanted.min() < 0
    assert wanted.max() > 255
    enlarged = upscaler(levels)
    assert enlarged.dtype == np.uint8
    np.testing.assert_array_equal(enlarged, np.clip(wanted, 0, 255).astype(np.uint8))


def test_saved_model_folder_runs_batched(hub_folder, tissue):
    upscaler = open_upscaler(str(hub_folder), UNIT)
    enlarged = upscaler(np.stack([tissue(16), tissue(16, 1)]))
    assert (upscaler.scale, enlarged.shape, enlarged.dtype) == (4, (2, 64, 64, 3), np.uint8)
    assert np.any(enlarged[0] != enlarged[1])


def test_trained_model_restores_a_smooth_picture(slim_path):
    upscaler = open_upscaler(str(slim_path), UNIT)
    assert upscaler.scale == 4
    small = Image.fromarray(smooth()).resize((32, 32), Image.Resampling.BICUBIC)
    bicubic = np.asarray(small.resize((128, 128), Image.Resampling.BICUBIC))
    restored = upscaler(np.asarray(small)[None])[0]
    assert restored.shape == (128, 128, 3)
    inner = slice(8, -8)
    found, usual = (
        psnr(picture[inner, inner], smooth()[inner, inner]) for picture in (restored, bicubic)
    )
    # A GAN invents texture: on a picture that has none it cannot reach an interpolation.
    assert found > 40
    assert usual - 12 < found


@pytest.mark.parametrize("declared", [UNIT, LEVELS])
def test_wrong_range_is_refused(tmp_path, declared):
    highest = 256.0 - declared[1]
    path = saved(
        tmp_path,
        layers.UpSampling2D(2),
        layers.ReLU(max_value=highest),
        layers.Rescaling(1.0, offset=0.05 * highest),
    )
    assert open_upscaler(path, (0.0, highest)).scale == 2
    with pytest.raises(InputError, match="input range"):
        open_upscaler(path, declared)


def test_unknown_range_is_refused(tmp_path):
    with pytest.raises(InputError, match="range"):
        open_upscaler(saved(tmp_path, layers.UpSampling2D(2)), (-1.0, 1.0))


def test_not_a_number_is_refused(tmp_path):
    path = saved(tmp_path, layers.UpSampling2D(2), layers.Rescaling(float("inf"), offset=-np.inf))
    with pytest.raises(InputError):
        open_upscaler(path, UNIT)


@pytest.mark.parametrize(
    "stack",
    [
        [layers.Resizing(48, 48)],
        [layers.AveragePooling2D(2)],
        [layers.UpSampling2D((2, 4))],
        [layers.GlobalAveragePooling2D()],
        [layers.Conv2D(1, 3, padding="same")],
    ],
)
def test_no_whole_scale_is_refused(tmp_path, stack):
    with pytest.raises(InputError, match="whole"):
        open_upscaler(saved(tmp_path, *stack), UNIT)


def test_fixed_input_size_is_tried_at_that_size(tmp_path):
    path = saved(tmp_path, layers.UpSampling2D(3), shape=(20, 20, 3))
    assert open_upscaler(path, UNIT).scale == 3


def test_other_channels_are_refused(tmp_path):
    with pytest.raises(InputError, match="RGB"):
        open_upscaler(saved(tmp_path, layers.Conv2D(3, 1), shape=(None, None, 1)), UNIT)


def test_lambda_is_refused(tmp_path):
    path = saved(tmp_path, layers.Lambda(lambda x: x), layers.UpSampling2D(2))
    with pytest.raises(InputError, match="safe mode"):
        open_upscaler(path, UNIT)


def test_two_inputs_are_refused(tmp_path):
    one, two = keras.Input((None, None, 3)), keras.Input((None, None, 3))
    keras.Model([one, two], layers.Add()([one, two])).save(tmp_path / "two.keras")
    with pytest.raises(InputError, match="does not run"):
        open_upscaler(str(tmp_path / "two.keras"), UNIT)


def test_damaged_keras_file_is_refused(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"nothing")
    with pytest.raises(InputError, match="safe mode"):
        open_upscaler(str(tmp_path / "model.keras"), UNIT)


@pytest.mark.parametrize("use", [digest, lambda source: open_upscaler(source, UNIT)])
def test_bad_paths_are_refused(tmp_path, use):
    with pytest.raises(InputError, match="does not exist"):
        use(str(tmp_path / "missing.keras"))
    (tmp_path / "model.h5").write_bytes(b"")
    for path in (tmp_path, tmp_path / "model.h5"):
        with pytest.raises(InputError, match="neither"):
            use(str(path))


def test_digest_follows_the_weights(tmp_path):
    path = tmp_path / "a.keras"
    path.write_bytes(b"one")
    first = digest(str(path))
    path.write_bytes(b"two")
    assert digest(str(path)) != first
    folder = tmp_path / "saved"
    (folder / "variables").mkdir(parents=True)
    for name in ("saved_model.pb", "variables/variables.index", "variables/variables.data-0"):
        (folder / name).write_bytes(b"one")
    before = digest(str(folder))
    (folder / "variables" / "variables.data-0").write_bytes(b"two")
    assert digest(str(folder)) != before
    assert len({len(text) for text in (first, before)}) == 1
    assert [digest(name) for name in ("none", "lanczos", "esrgan")] == [
        "none",
        "lanczos",
        HUB_HANDLE,
    ]


def test_esrgan_is_downloaded_and_read(hub_folder, monkeypatch, tmp_path):
    asked = []
    monkeypatch.setattr(
        module, "download_hub_esrgan", lambda cache: asked.append(cache) or hub_folder
    )
    assert open_upscaler("esrgan", LEVELS, cache=tmp_path).scale == 4
    assert asked == [tmp_path]


def test_failed_download_says_what_to_give_instead(monkeypatch, tmp_path):
    import tensorflow_hub

    def unreachable(_):
        raise urllib.error.URLError("no route")

    monkeypatch.setattr(tensorflow_hub, "resolve", unreachable)
    with pytest.raises(InputError, match="could not be downloaded") as caught:
        open_upscaler("esrgan", LEVELS, cache=tmp_path)
    assert "SavedModel folder or .keras path" in caught.value.remedy


def test_download_goes_to_the_given_cache(monkeypatch, tmp_path):
    import os

    import tensorflow_hub

    monkeypatch.delenv("TFHUB_CACHE_DIR", raising=False)
    monkeypatch.setattr(tensorflow_hub, "resolve", lambda _: os.environ["TFHUB_CACHE_DIR"])
    assert download_hub_esrgan(tmp_path) == tmp_path
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert download_hub_esrgan() == tmp_path / "pcam" / "tfhub"
    assert "TFHUB_CACHE_DIR" not in os.environ
