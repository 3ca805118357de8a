import json
import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pcam_core.errors import InputError
from pcam_core.stages.gate import GateSettings, gate
from pcam_core.stages.labels import labels


@pytest.fixture
def check(tmp_path):
    def run(data, **settings):
        table = labels.build(tmp_path / "artifacts", data=data)
        out = tmp_path / "gate"
        out.mkdir(exist_ok=True)
        return gate.function(out, data=data, labels=table, settings=GateSettings(**settings))

    return run


def plain(level, side=96):
    return Image.fromarray(np.full((side, side, 3), level, np.uint8))


def test_good_patches_pass_and_are_measured(kaggle_folder, check, tmp_path):
    data = kaggle_folder()
    plain(100).save(data.patch("train", "p0"))
    figures = check(data, max_uniform_share=0.2)
    assert figures["passed"] == figures["expectations"]
    assert (figures["warnings"], figures["patches"]) == ([], 8)
    found = pd.read_csv(tmp_path / "gate" / "properties.csv").set_index("id")
    assert found.loc["p0", ["mean_r", "std_g", "white", "spread"]].tolist() == [100, 0, 0, 0]
    with Image.open(data.patch("test", "t1")) as image:
        pixels = np.asarray(image)
    assert found.loc["t1", "mean_b"] == pytest.approx(pixels[..., 2].mean(), abs=1e-4)
    assert found.loc["t1", "std_b"] == pytest.approx(pixels[..., 2].std(), abs=1e-4)
    assert found["part"].value_counts().to_dict() == {"train": 6, "test": 2}
    checks = json.loads((tmp_path / "gate" / "expectations.json").read_text())
    assert all(entry["passed"] for entry in checks)


def test_every_bad_patch_is_named_with_its_reason(kaggle_folder, check):
    data = kaggle_folder()
    content = data.patch("train", "p0").read_bytes()
    data.patch("train", "p0").write_bytes(content[:9000])
    data.patch("train", "p1").write_text("no picture")
    plain(9, side=64).save(data.patch("train", "p2"))
    plain(9).convert("L").save(data.patch("train", "p3"))
    plain(9).convert("RGBA").save(data.patch("test", "t0"))
    plain(9).save(data.patch("test", "t1"), save_all=True, append_images=[plain(8)])
    with pytest.raises(InputError) as caught:
        check(data)
    told = str(caught.value)
    for named in (
        "6 of 8 otherwise",
        "train/p0.tif (cannot be decoded",
        "train/p1.tif (not a TIFF image)",
        "train/p2.tif (64x64 pixels, not 96x96)",
        "train/p3.tif (grey-scale, not RGB)",
        "test/t0.tif (RGBA, not RGB)",
        "test/t1.tif (several pages, not one)",
    ):
        assert named in told
    assert "p4" not in told


def test_all_patches_are_bad(kaggle_folder, check):
    data = kaggle_folder({"a": 0, "b": 1}, ["c"])
    for part, name in (("train", "a"), ("train", "b"), ("test", "c")):
        data.patch(part, name).write_bytes(b"")
    with pytest.raises(InputError, match=r"a\.tif \(an empty file\), .*b.*, test/c\.tif \(an"):
        check(data)


@pytest.mark.parametrize(
    "bounds", [{"min_positive_share": 0.3}, {"max_positive_share": 0.1}], ids=["few", "many"]
)
def test_class_balance_out_of_range(kaggle_folder, check, bounds):
    data = kaggle_folder({f"p{n}": int(n == 0) for n in range(5)})
    with pytest.raises(InputError, match=r"of the labels are positive, but found 0\.2"):
        check(data, **bounds)


def test_warnings_do_not_stop(kaggle_folder, check):
    data = kaggle_folder()
    for name in data.patch_ids("train"):
        plain(255).save(data.patch("train", name))
    figures = check(data)
    assert len(figures["warnings"]) == 2
    assert figures["passed"] == figures["expectations"] - 2


@pytest.mark.parametrize("odd", ["NA", "null", "nan", "None", "1e5", "007", "True"])
def test_ids_that_look_like_something_else(kaggle_folder, check, tmp_path, odd):
    data = kaggle_folder({odd: 0, "b": 1}, groups={"b": odd})
    assert check(data)["patches"] == 4
    found = pd.read_csv(tmp_path / "gate" / "properties.csv", dtype=str, keep_default_na=False)
    assert found["id"].tolist() == [odd, "b", "t0", "t1"]


def test_its_input_is_left_alone(kaggle_folder, check):
    data = kaggle_folder()
    copy = shutil.copytree(data.path, data.path.parent / "copy")
    check(data)
    for path in copy.rglob("*.*"):
        assert path.read_bytes() == (data.path / path.relative_to(copy)).read_bytes()
