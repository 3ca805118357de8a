import pytest

from pcam_core import file_hashes
from pcam_core.datasets.kaggle_folder import open_kaggle_folder
from pcam_core.errors import InputError


@pytest.fixture
def folder(tmp_path):
    """Kaggle's layout with files that are no pictures: nothing is decoded here."""
    folder = tmp_path / "data"
    for part in ("train", "test"):
        (folder / part).mkdir(parents=True)
        for number in range(3):
            (folder / part / f"{part}{number}.tif").write_bytes(part.encode() * number)
    (folder / "train_labels.csv").write_text("id,label\ntrain0,0\ntrain1,1\ntrain2,0\n")
    (folder / "sample_submission.csv").write_text("id,label\ntest0,0\ntest1,0\ntest2,0\n")
    (folder / "patch_id_wsi_full.csv").write_text("id,wsi\ntrain0,a\n")
    return folder


@pytest.fixture
def key(tmp_path):
    return lambda folder: open_kaggle_folder(folder, tmp_path / "memory", "data").key


def test_moving_the_folder_keeps_the_key(folder, key, tmp_path):
    before = key(folder)
    assert before == key(folder.rename(tmp_path / "another name"))


def test_a_relative_path_keeps_the_key(folder, key, monkeypatch, tmp_path):
    before = key(folder)
    monkeypatch.chdir(folder.parent)
    data = open_kaggle_folder(type(folder)("data"), tmp_path / "memory", "data")
    assert (data.key, data.path) == (before, folder)


def append(name):
    def change(folder):
        with (folder / name).open("ab") as file:
            file.write(b"\n")

    return change


def rename_patch(folder):
    (folder / "train" / "train0.tif").rename(folder / "train" / "train9.tif")


def move_patch(folder):
    (folder / "train" / "train0.tif").rename(folder / "test" / "train0.tif")


def exchange_patches(folder):
    one, two = folder / "train" / "train1.tif", folder / "train" / "train2.tif"
    first, second = one.read_bytes(), two.read_bytes()
    one.write_bytes(second)
    two.write_bytes(first)


@pytest.mark.parametrize(
    "change",
    [
        append("train/train1.tif"),
        append("test/test0.tif"),
        append("train_labels.csv"),
        append("sample_submission.csv"),
        append("patch_id_wsi_full.csv"),
        rename_patch,
        move_patch,
        exchange_patches,
    ],
)
def test_a_change_changes_the_key(folder, key, change):
    before = key(folder)
    change(folder)
    assert key(folder) != before


def test_files_that_are_not_read_do_not_count(folder, key):
    before = key(folder)
    (folder / "notes.txt").write_text("x")
    (folder / "train" / "thumbs.db").write_text("x")
    (folder / "train" / "._train0.tif").write_text("x")
    assert key(folder) == before


def test_a_second_call_reads_no_file(folder, key, monkeypatch):
    before = key(folder)
    monkeypatch.setattr(file_hashes, "sha256_of", lambda _: pytest.fail("a file was read"))
    assert key(folder) == before


def test_patches_by_id(folder, tmp_path):
    data = open_kaggle_folder(folder, tmp_path / "memory", "data")
    assert data.patch_ids("train") == ["train0", "train1", "train2"]
    assert data.file("test/test1.tif").read_bytes() == b"test"


def test_a_patch_that_vanishes_during_the_run_is_named(folder, tmp_path):
    data = open_kaggle_folder(folder, tmp_path / "memory", "data")
    (folder / "test" / "test1.tif").unlink()
    with pytest.raises(InputError, match=r"test/test1\.tif of .* has changed .*No such file"):
        list(data.patches("test", ["test1"]))


@pytest.mark.parametrize("name", ["train1.TIF", "train1.tiff", "train\n1.tif"])
def test_names_that_cannot_be_used(folder, key, name):
    (folder / "train" / "train1.tif").rename(folder / "train" / name)
    with pytest.raises(
        InputError, match=r"train of .* holds 1 file whose name cannot be used: 'train.*'"
    ) as caught:
        key(folder)
    assert str(caught.value).isprintable()
