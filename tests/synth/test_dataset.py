import csv
import hashlib

import numpy as np
import pytest
from PIL import Image

from pcam_core.errors import InputError
from pcam_core.progress import listening
from pcam_core.synth import generate, patch_id, write_dataset


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    out = tmp_path_factory.mktemp("synth") / "data"
    write_dataset(out, train=30, test=14, seed=4)
    return out


def test_layout_is_kaggles(written):
    train, solution = rows(written / "train_labels.csv"), rows(written / "test_solution.csv")
    sample = rows(written / "sample_submission.csv")
    assert {row["id"] for row in train} == {path.stem for path in (written / "train").iterdir()}
    assert {row["id"] for row in solution} == {path.stem for path in (written / "test").iterdir()}
    assert [row["id"] for row in sample] == [row["id"] for row in solution]
    assert {row["label"] for row in sample} == {"0"}
    assert (len(train), len(solution)) == (30, 14)


def test_pictures_are_uncompressed_rgb_tiffs(written):
    row = rows(written / "train_labels.csv")[3]
    with Image.open(written / "train" / f"{row['id']}.tif") as picture:
        assert (picture.format, picture.mode, picture.size) == ("TIFF", "RGB", (96, 96))
        assert picture.info["compression"] == "raw"
        patch = generate(4, "train", 3)
        np.testing.assert_array_equal(np.asarray(picture), patch.image)
    assert row == {"id": patch_id(4, "train", 3), "label": str(patch.label)}


def test_slides_of_train_and_test_are_disjoint(written):
    slide = {row["id"]: row["wsi"] for row in rows(written / "patch_id_wsi_full.csv")}
    train = {slide[row["id"]] for row in rows(written / "train_labels.csv")}
    test = {slide[row["id"]] for row in rows(written / "test_solution.csv")}
    assert len(slide) == 44
    assert len(train) == 12
    assert not train & test


def test_ids_look_like_kaggles(written):
    for row in rows(written / "train_labels.csv"):
        assert len(row["id"]) == 40
        int(row["id"], 16)


def test_a_larger_set_begins_with_the_smaller(written, tmp_path):
    write_dataset(tmp_path / "larger", train=40, test=14, seed=4)
    smaller, larger = contents(written), contents(tmp_path / "larger")
    tifs = {name: digest for name, digest in smaller.items() if name.endswith(".tif")}
    assert tifs.items() <= larger.items()


def test_processes_change_nothing(written, tmp_path):
    write_dataset(tmp_path / "pooled", train=30, test=14, seed=4, processes=2)
    assert contents(tmp_path / "pooled") == contents(written)


def test_the_same_again_returns_at_once(written):
    told = []
    with listening(told.append):
        write_dataset(written, train=30, test=14, seed=4)
    assert told == []


def test_another_data_set_in_the_way(written):
    with pytest.raises(InputError, match="Name another folder"):
        write_dataset(written, train=31, test=14, seed=4)


def test_foreign_files_in_the_way(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(InputError):
        write_dataset(tmp_path, train=1, test=1, seed=0)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "out").mkdir()
    write_dataset(tmp_path / "out", train=2, test=0, seed=0)
    assert len(list((tmp_path / "out" / "train").iterdir())) == 2


def test_a_failure_leaves_nothing(tmp_path, monkeypatch):
    def fail(*_):
        raise OSError("disk full")

    monkeypatch.setattr("pcam_core.synth.dataset.patch_id", fail)
    with pytest.raises(OSError, match="disk full"):
        write_dataset(tmp_path / "out", train=2, test=0, seed=0)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("numbers", [(0, 1, 0), (1, -1, 0), (1, 1, -1)])
def test_numbers_out_of_range(tmp_path, numbers):
    train, test, seed = numbers
    with pytest.raises(InputError):
        write_dataset(tmp_path / "out", train=train, test=test, seed=seed)


def test_progress_reaches_the_end(tmp_path):
    told = []
    with listening(told.append):
        write_dataset(tmp_path / "out", train=3, test=2, seed=0)
    assert (told[-1].done, told[-1].total) == (5, 5)
