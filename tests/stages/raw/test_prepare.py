from collections import namedtuple

import keras
import numpy as np
import pytest
from PIL import Image
from pydantic import ValidationError

from pcam_core import expectation, patch_store
from pcam_core.artifact import Artifact
from pcam_core.errors import InputError
from pcam_core.stages.labels import labels
from pcam_core.stages.prepare import PrepareSettings, centre, open_store, prepare


@pytest.fixture
def stored(tmp_path):
    def run(data, quarantined=(), **settings):
        rows = "".join(f"{patch_id},train,bad\n" for patch_id in quarantined)
        (tmp_path / "quarantine.csv").write_text(f"id,part,reason\n{rows}")
        return prepare.build(
            tmp_path,
            data=data,
            labels=labels.build(tmp_path, data=data),
            gate=Artifact(stage="gate", key="gate", path=tmp_path),
            settings=PrepareSettings(**settings),
        )

    return run


def read(artifact, part, *ids):
    store = open_store(artifact, part)
    return store.read(store.rows(ids))


def test_the_centre_is_pixels_32_to_64():
    rows = np.arange(96, dtype=np.uint8)
    patch = np.stack(np.broadcast_arrays(rows[:, None], rows, np.uint8(0)), axis=-1)
    cropped = centre(patch, 32)
    assert cropped[..., 0].min(), cropped[..., 0].max() == (32, 63)
    np.testing.assert_array_equal(cropped, patch[32:64, 32:64])
    np.testing.assert_array_equal(centre(patch, 64), patch[16:80, 16:80])
    np.testing.assert_array_equal(centre(patch, 96), patch)


def test_stores_both_parts_in_the_order_of_the_tables(kaggle_folder, stored, monkeypatch):
    monkeypatch.setattr(patch_store, "SHARD", 4)
    data = kaggle_folder({f"p{n}": n % 2 for n in (5, 3, 8, 1, 9, 0)}, sample=["t1", "t0"])
    artifact = stored(data, region=96, upscaler="none")
    assert open_store(artifact, "train").ids == ["p5", "p3", "p8", "p1", "p9", "p0"]
    assert open_store(artifact, "test").ids == ["t1", "t0"]
    for part in ("train", "test"):
        for name in data.patch_ids(part):
            np.testing.assert_array_equal(read(artifact, part, name)[0], data.decode(part, name))
    assert artifact.figures["patches"] == {"train": 6, "test": 2}
    assert artifact.figures["stored_side"] == 96


def test_lanczos_is_pillows_of_the_centre(kaggle_folder, stored):
    data = kaggle_folder()
    artifact = stored(data, region=32, upscaler="lanczos")
    (found,) = read(artifact, "train", "p3")
    with Image.open(data.file("train/p3.tif")) as image:
        wanted = image.crop((32, 32, 64, 64)).resize((128, 128), Image.Resampling.LANCZOS)
    assert found.shape == (128, 128, 3)
    np.testing.assert_array_equal(found, np.asarray(wanted))


@pytest.mark.parametrize("count", [11, 12, 13])
def test_no_patch_is_lost_at_a_border(kaggle_folder, stored, monkeypatch, count):
    monkeypatch.setattr(patch_store, "SHARD", 8)
    data = kaggle_folder({f"p{n:02d}": n % 2 for n in range(count)}, ["t"])
    store = open_store(stored(data, region=32, upscaler="none", batch_size=3), "train")
    found = store.read(np.arange(count))
    for number in range(count):
        patch = data.decode("train", f"p{number:02d}")
        np.testing.assert_array_equal(found[number], patch[32:64, 32:64])


def test_quarantined_patches_are_left_out(kaggle_folder, stored):
    data = kaggle_folder()
    (data.path / "train" / "p2.tif").write_bytes(b"")
    store = open_store(stored(data, ["p2"], region=32, upscaler="none"), "train")
    assert store.ids == ["p0", "p1", "p3", "p4", "p5"]


def test_a_stopped_run_goes_on(kaggle_folder, stored, monkeypatch, caplog):
    monkeypatch.setattr(patch_store, "SHARD", 2)
    data = kaggle_folder()
    broken = data.path / "test" / "t1.tif"
    content = broken.read_bytes()
    broken.write_bytes(b"")
    with pytest.raises(InputError, match=r"t1\.tif .* has changed"):
        stored(data, region=32, upscaler="none")
    broken.write_bytes(content)
    with caplog.at_level("INFO"):
        artifact = stored(data, region=32, upscaler="none")
    assert "goes on with the last 2" in caplog.text
    for name in data.patch_ids("train"):
        wanted = data.decode("train", name)[32:64, 32:64]
        np.testing.assert_array_equal(read(artifact, "train", name)[0], wanted)


def test_a_full_disk_stops_before_anything_is_written(kaggle_folder, stored, monkeypatch, tmp_path):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(expectation.shutil, "disk_usage", lambda _: usage(1, 1, 200 * 1024**2))
    with pytest.raises(InputError, match="210 MB"):
        stored(kaggle_folder(), region=96, upscaler="none")
    assert not list(tmp_path.rglob("*.npy"))


def saved(path, scale):
    keras.Sequential(
        [keras.Input((None, None, 3)), keras.layers.UpSampling2D(2), keras.layers.Rescaling(scale)]
    ).save(path)
    return str(path)


def test_settings_mean_the_upscalers_content(tmp_path):
    one, two = saved(tmp_path / "one.keras", 1.0), saved(tmp_path / "two.keras", 0.5)
    (tmp_path / "copy.keras").write_bytes((tmp_path / "one.keras").read_bytes())
    content = PrepareSettings(upscaler=one).content()
    assert content == PrepareSettings(upscaler=str(tmp_path / "copy.keras")).content()
    assert content != PrepareSettings(upscaler=two).content()
    assert PrepareSettings(upscaler="none").content()["upscaler"] == "none"


@pytest.mark.parametrize("region", [0, 33, 128])
def test_other_regions_are_refused(region):
    with pytest.raises(ValidationError):
        PrepareSettings(region=region)
