import base64
import io

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pcam_core.artifact import Artifact, seal
from pcam_core.patch_store import write_patch_store
from pcam_core.report.preparation_chapter import preparation

IDS = ["a", "b", "c"]
WAYS = ("raw crop", "nearest", "bicubic", "LANCZOS", "upscaler")
NONE = {"upscaler": "none", "scale": 1, "network": False, "restored": None}
PLAN = {"batch": 4, "planned": 8, "precision": "bfloat16", "jit": True, "device": "H200"}


def compared(gain, low, high):
    means = {"upscaler": 20.0 + gain, "LANCZOS": 20.0, "bicubic": 20.0}
    return {"means": means, "gain": gain, "interval": [low, high]}


def found(psnr, ssim, **others):
    restored = {"patches": 64, "groups": 60, "side": 96}
    restored |= {"psnr": compared(*psnr), "ssim": compared(*ssim)}
    told = {"upscaler": "esrgan", "scale": 4, "network": True, "restored": restored}
    return told | {"precision": "bfloat16", "precision_psnr": 51.44} | others


BETTER, EVEN, WORSE = (0.25, 0.125, 0.375), (0.1, -0.2, 0.4), (-0.25, -0.375, -0.125)


@pytest.fixture
def chapter(tmp_path):
    """The chapter's blocks by kind; patches "a" and "b" have no tumour, "c" has."""

    def sealed(name, figures):
        artifact = Artifact(stage=name, key=name, path=tmp_path / f"{name}-sealed")
        seal(tmp_path / name, artifact, figures, 1.0)
        return artifact

    def write(figures, region=32, ways=WAYS, labels=(0, 0, 1), side=None, plan=PLAN):
        for name in ("prepared", "enlarged", "explored"):
            (tmp_path / name).mkdir()
        side = side or region * figures["scale"]
        patches = np.arange(3, dtype=np.uint8).repeat(side * side * 3).reshape(3, side, side, 3)
        write_patch_store(tmp_path / "prepared" / "train", IDS, lambda _: [patches])
        shown = pd.DataFrame({"id": IDS, "label": labels})
        if figures["restored"]:
            shown.to_csv(tmp_path / "enlarged" / "shown.csv", index=False)
            np.savez(tmp_path / "enlarged" / "ways.npz", **dict.fromkeys(ways, patches))
        shown.assign(why="sample").to_csv(tmp_path / "explored" / "shown.csv", index=False)
        np.savez(tmp_path / "explored" / "shown.npz", pixels=np.zeros((3, 1)))
        stored = {"patches": {"train": 3, "test": 0}, "region": region, "stored_side": side}
        written = preparation(
            sealed("prepared", stored | {"upscaler": figures["upscaler"], "plan": plan}),
            sealed("enlarged", figures),
            sealed("explored", {}),
        )
        blocks = {}
        for block in written.blocks:
            blocks.setdefault(block.kind, []).append(block)
        return blocks

    return write


def level(uri):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2])))).mean()


def test_whole_patches_need_no_gallery(chapter):
    blocks = chapter(NONE, region=96)
    assert [text.text for text in blocks["text"]] == [
        "Patches are stored as they are: the networks get what the gallery above shows."
    ]
    assert set(blocks) == {"table", "text"}


def test_a_crop_is_shown_as_it_is_stored_and_square(chapter):
    blocks = chapter(NONE, region=32)
    assert blocks["text"][0].text == (
        "The centre 32x32 px of a patch is kept and stored as it is, not enlarged."
    )
    (gallery,) = blocks["gallery"]
    assert gallery.title == "Stored patches"
    assert [[level(uri) for uri, _ in strip.images] for strip in gallery.strips] == [[0, 1], [2]]
    assert not any(strip.smooth for strip in gallery.strips)


def test_a_store_size_alone_is_no_upscaler(chapter):
    blocks = chapter(NONE, region=96, side=112)
    assert blocks["text"][0].text == (
        "The whole patch is kept and stored enlarged to 112x112 px, by Pillow's LANCZOS alone."
    )
    assert all(strip.smooth for strip in blocks["gallery"][0].strips)


def test_every_way_is_a_strip_of_the_same_patches(chapter):
    stored, gallery = chapter(found(BETTER, BETTER))["gallery"]
    assert all(strip.smooth for strip in stored.strips)
    names = [strip.label for strip in gallery.strips]
    assert names == ["Raw crop", "Nearest", "Bicubic", "LANCZOS", "ESRGAN"]
    assert [strip.smooth for strip in gallery.strips] == [False, False, True, True, True]
    assert all(len(strip.images) == 3 for strip in gallery.strips)
    assert gallery.strips[0].notes == ["no tumour", "no tumour", "tumour"]
    assert gallery.strips[4].images[2][1] == "ESRGAN: c"
    assert "4 times enlarged to 128x128 px" in gallery.caption


def test_lanczos_has_no_row_of_a_network(chapter):
    figures = found(BETTER, BETTER, upscaler="lanczos", network=False)
    for measure in ("psnr", "ssim"):
        del figures["restored"][measure]["means"]["upscaler"]
    blocks = chapter(figures, ways=WAYS[:4])
    assert [strip.label for strip in blocks["gallery"][1].strips][-1] == "LANCZOS"
    assert [row[0] for row in blocks["table"][1].rows] == [
        "LANCZOS",
        "Bicubic",
        "LANCZOS above bicubic",
        "95 % interval of that",
    ]
    assert blocks["note"][0].text.startswith("LANCZOS restores shrunk patches 0.25 dB better")


def test_a_model_file_is_a_network(chapter):
    blocks = chapter(found(BETTER, BETTER, upscaler="/models/x_4x.keras"))
    assert blocks["gallery"][1].strips[-1].label == "Network"
    assert ("Upscaler", "/models/x_4x.keras") in blocks["table"][0].rows


@pytest.mark.parametrize(
    ("psnr", "ssim", "tone", "told"),
    [
        (BETTER, BETTER, "good", "It helps on this tissue."),
        (EVEN, EVEN, "warn", "It makes no difference that can be told on this tissue."),
        (WORSE, WORSE, "warn", "It does harm on this tissue."),
        (WORSE, BETTER, "warn", "On this tissue, by PSNR it does harm; by SSIM it helps."),
        (
            EVEN,
            BETTER,
            "warn",
            "On this tissue, by PSNR it makes no difference that can be told; by SSIM it helps.",
        ),
    ],
)
def test_the_verdict_follows_from_the_intervals(chapter, psnr, ssim, tone, told):
    (note,) = chapter(found(psnr, ssim))["note"]
    assert note.text.endswith(told)
    assert note.tone == tone


def test_the_verdict_names_the_figures(chapter):
    (note,) = chapter(found(WORSE, EVEN))["note"]
    assert note.text.startswith(
        "The network restores shrunk patches 0.25 dB worse than bicubic (95 % -0.38 to -0.12),"
        " with 0.100 more structural similarity (95 % -0.200 to +0.400)."
    )


def test_the_plan_of_a_network_is_told(chapter):
    rows = dict(
        chapter(found(BETTER, BETTER), plan=PLAN | {"patches_per_s": 1234.56})["table"][0].rows
    )
    assert rows["Plan"] == "4 at once in bfloat16 on H200, compiled with XLA"
    assert rows["Measured for it"] == "1,234.6 patches/s, decoding left out"
    assert rows["bfloat16 against float32"] == "PSNR 51.4 dB"


def test_a_plan_that_was_not_measured(chapter):
    rows = dict(chapter(found(BETTER, BETTER, precision_psnr=None))["table"][0].rows)
    assert "Plan" in rows
    assert not {"Measured for it", "bfloat16 against float32"} & set(rows)


def test_without_a_network_there_is_no_plan(chapter):
    assert "Plan" not in dict(chapter(NONE, region=96)["table"][0].rows)


def test_coarse_half_precision_is_warned_of(chapter):
    coarse, verdict = chapter(found(BETTER, BETTER, precision_psnr=38.0))["note"]
    assert coarse.tone == "warn"
    assert "PSNR 38.0 dB" in coarse.text
    assert verdict.tone == "good"


def test_a_class_without_patches(chapter):
    stored, gallery = chapter(found(BETTER, BETTER), labels=(1, 1, 1))["gallery"]
    assert [len(strip.images) for strip in stored.strips] == [0, 3]
    assert gallery.strips[0].notes == ["tumour"] * 3
