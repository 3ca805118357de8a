from types import SimpleNamespace

import keras
import numpy as np
import pandas as pd
import pytest

from pcam_core.artifact import Artifact
from pcam_core.stages.enlargement import ENOUGH_DB, SHOWN, enlargement, read_ways
from pcam_core.stages.prepare_settings import PrepareSettings

IDS = {0: [f"n{n}" for n in range(6)], 1: [f"t{n}" for n in range(2)]}
ALL = [name for ids in IDS.values() for name in ids]


def noise(name):
    return np.random.default_rng(ALL.index(name)).integers(0, 256, (96, 96, 3), np.uint8)


def flat(name):
    return np.full((96, 96, 3), 100, np.uint8)


@pytest.fixture
def enlarge(tmp_path):
    """Runs the stage on eight patches of four slides."""

    def run(patch, **settings):
        for stage in ("groups", "explored", "enlarged"):
            (tmp_path / stage).mkdir()
        groups = pd.DataFrame({"id": ALL, "group": [f"slide{n // 2}" for n in range(8)]})
        groups.to_csv(tmp_path / "groups" / "groups.csv", index=False)
        shown = pd.DataFrame(
            {"id": ALL, "part": "train", "label": [0] * 6 + [1] * 2, "why": "sample"}
        )
        shown.to_csv(tmp_path / "explored" / "shown.csv", index=False)
        np.savez(tmp_path / "explored" / "shown.npz", pixels=np.zeros((8, 1), np.uint8))
        artifact = {
            stage: Artifact(stage=stage, key=stage, path=tmp_path / stage)
            for stage in ("groups", "explored", "enlarged")
        }
        data = SimpleNamespace(patches=lambda _, ids: map(patch, ids))
        figures = enlargement.function(
            tmp_path / "enlarged",
            data=data,
            groups=artifact["groups"],
            explored=artifact["explored"],
            settings=PrepareSettings(**settings),
        )
        return figures, artifact["enlarged"]

    return run


@pytest.fixture
def saved(tmp_path):
    """Saves a network that repeats pixels and adds `levels`, and returns its path."""

    def save(scale, levels=0, side=None):
        path = tmp_path / "network.keras"
        keras.Sequential(
            [
                keras.Input((side, side, 3)),
                keras.layers.UpSampling2D(scale),
                keras.layers.Rescaling(1.0, offset=levels),
            ]
        ).save(path)
        return str(path)

    return save


def test_without_an_upscaler_there_is_nothing_to_compare(enlarge):
    figures, artifact = enlarge(noise, upscaler="none")
    assert figures["restored"] is None
    assert list(artifact.path.iterdir()) == []


def test_a_known_change_has_its_known_psnr(enlarge, saved):
    figures, artifact = enlarge(flat, upscaler=saved(4, levels=12))
    found = figures["restored"]
    assert (found["patches"], found["groups"], found["side"]) == (8, 4, 96)
    expected = 10 * np.log10(255**2 / 12**2)
    assert found["psnr"]["means"]["upscaler"] == pytest.approx(expected)
    # What comes back whole counts 60 dB, so that a blank patch has no say without end.
    assert found["psnr"]["means"]["bicubic"] == 60
    assert found["psnr"]["gain"] == pytest.approx(expected - 60)
    assert found["psnr"]["interval"] == pytest.approx((expected - 60, expected - 60))
    c1 = (0.01 * 255) ** 2
    alike = (2 * 100 * 112 + c1) / (100**2 + 112**2 + c1)
    assert found["ssim"]["means"]["upscaler"] == pytest.approx(alike)
    assert found["ssim"]["means"]["bicubic"] == pytest.approx(1)
    likeness = pd.read_csv(artifact.path / "likeness.csv")
    assert sorted(likeness["id"]) == sorted(ALL)
    assert likeness["psnr_upscaler"].to_numpy() == pytest.approx(expected)


def test_the_gallery_shows_the_first_of_each_class_in_every_way(enlarge, saved):
    figures, artifact = enlarge(noise, upscaler=saved(2), region=32)
    shown, ways = read_ways(artifact)
    assert list(shown["id"]) == [*IDS[0][:SHOWN], *IDS[1]]
    assert list(shown["label"]) == [0] * SHOWN + [1, 1]
    assert list(ways) == ["raw crop", "nearest", "bicubic", "LANCZOS", "upscaler"]
    assert {(way.shape, way.dtype.name) for way in ways.values()} == {((6, 64, 64, 3), "uint8")}
    crop = noise("n1")[32:64, 32:64]
    np.testing.assert_array_equal(ways["raw crop"][1, 16:48, 16:48], crop)
    np.testing.assert_array_equal(ways["upscaler"][1], crop.repeat(2, 0).repeat(2, 1))
    # Twice a region of 32 pixels is restored, no more.
    assert figures["restored"]["side"] == 64
    for measure in ("psnr", "ssim"):
        found = figures["restored"][measure]
        low, high = found["interval"]
        assert low < found["gain"] < high
        assert found["gain"] == pytest.approx(
            found["means"]["upscaler"] - found["means"]["bicubic"], abs=1e-9
        )


def test_lanczos_is_compared_itself_and_shown_once(enlarge):
    figures, artifact = enlarge(noise, upscaler="lanczos")
    assert not figures["network"]
    assert list(read_ways(artifact)[1]) == ["raw crop", "nearest", "bicubic", "LANCZOS"]
    found = figures["restored"]["psnr"]
    assert list(found["means"]) == ["LANCZOS", "bicubic"]
    assert found["gain"] == pytest.approx(found["means"]["LANCZOS"] - found["means"]["bicubic"])


@pytest.fixture
def coarse(tmp_path):
    """Saves a network that loses levels in bfloat16 the larger its offset is."""

    def save(offset):
        grey = keras.Sequential(
            [
                keras.Input((32, 32, 3)),
                keras.layers.UpSampling2D(2),
                keras.layers.Rescaling(1.0, offset=offset),
                keras.layers.ReLU(),  # or the compiler takes both offsets together
                keras.layers.Rescaling(1.0, offset=-offset),
                keras.layers.Conv2D(3, 1, use_bias=False),
            ]
        )
        grey.layers[-1].set_weights([np.eye(3, dtype=np.float32)[None, None]])
        grey.save(tmp_path / "coarse.keras")
        return str(tmp_path / "coarse.keras")

    return save


@pytest.mark.parametrize(("offset", "enough"), [(0, True), (4000, False)])
def test_what_half_precision_loses_is_told(enlarge, coarse, caplog, offset, enough):
    figures, _ = enlarge(noise, upscaler=coarse(offset), precision="bfloat16")
    assert figures["precision"] == "bfloat16"
    assert (figures["precision_psnr"] >= ENOUGH_DB) is enough
    assert ("set prepare.precision=float32" in caplog.text) is not enough


def test_float32_is_compared_with_nothing(enlarge, coarse):
    figures, _ = enlarge(noise, upscaler=coarse(4000), precision="float32")
    assert (figures["precision"], figures["precision_psnr"]) == ("float32", None)


def test_a_network_of_one_size_gets_that_size(enlarge, saved):
    figures, _ = enlarge(flat, upscaler=saved(5, side=32), region=32)
    assert figures["restored"]["side"] == 95
    assert figures["restored"]["psnr"]["gain"] == 0


def test_the_draw_does_not_depend_on_the_order_of_the_rows(enlarge, monkeypatch, tmp_path):
    monkeypatch.setattr("pcam_core.stages.enlargement._MEASURED", 3)
    first, artifact = enlarge(noise, upscaler="lanczos")
    drawn = pd.read_csv(artifact.path / "likeness.csv")
    groups = tmp_path / "groups" / "groups.csv"
    pd.read_csv(groups).iloc[::-1].to_csv(groups, index=False)
    (tmp_path / "again").mkdir()
    again = enlargement.function(
        tmp_path / "again",
        data=SimpleNamespace(patches=lambda _, ids: map(noise, ids)),
        groups=Artifact(stage="groups", key="groups", path=tmp_path / "groups"),
        explored=Artifact(stage="explored", key="explored", path=tmp_path / "explored"),
        settings=PrepareSettings(upscaler="lanczos"),
    )
    assert len(drawn) == 3
    assert again == first
