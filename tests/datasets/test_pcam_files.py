import json
import pickle
import shutil
from pathlib import Path

import h5py
import numpy as np
import pytest

from pcam_core import expectation
from pcam_core.datasets import unpacking
from pcam_core.datasets.opening import open_dataset
from pcam_core.errors import InputError
from pcam_core.progress import listening


@pytest.fixture
def opened(cache):
    return lambda folder: open_dataset([str(folder)], cache)


@pytest.fixture
def refused(opened):
    def refuse(folder):
        with pytest.raises(InputError) as caught:
            opened(folder)
        return caught.value

    return refuse


@pytest.fixture
def file(own_pcam, stem):
    """Path of one of the files, as "train_x.h5"."""
    return lambda name: own_pcam / f"{stem}{name}"


def test_has_what_the_folder_has(pcam, generated, opened):
    data, folder = opened(pcam), opened(generated)
    tables, like = data.tables(), folder.tables()
    labels = dict(zip(tables.labels["id"], tables.labels["label"], strict=True))
    kaggle = list(like.labels["id"])
    ids = [f"train-{n:06}" for n in range(100)] + [f"valid-{n:06}" for n in range(60)]
    assert [labels[i] for i in ids] == list(like.labels["label"])
    assert [tables.slides[i] for i in ids] == [like.slides[i] for i in kaggle]
    for mine, its in zip(data.patches("train", ids), folder.patches("train", kaggle), strict=True):
        assert mine.dtype == np.uint8
        assert np.array_equal(mine, its)
    pairs = zip(data.patches("test", tables.test), folder.patches("test", like.test), strict=True)
    assert all(np.array_equal(*pair) for pair in pairs)


def test_the_published_split(pcam, opened):
    data = opened(pcam)
    tables = data.tables()
    counts = {role: list(tables.roles.values()).count(role) for role in set(tables.roles.values())}
    assert counts == {"train": 100, "validation": 60, "test": 20}
    assert tables.test == data.patch_ids("test") == [f"test-{n:06}" for n in range(20)]
    assert set(tables.test) < set(tables.labels["id"])
    assert tables.promised == {"train": 180, "test": 20}
    assert len(data.patch_ids("train")) == 180
    assert tables.slides_name == "camelyonpatch_level_2_split_*_meta.csv"


def test_without_slides(own_pcam, opened):
    for path in own_pcam.glob("*.csv"):
        path.unlink()
    tables = opened(own_pcam).tables()
    assert (tables.slides, tables.slides_name) == ({}, "")


@pytest.mark.parametrize("missing", ["valid", "test"])
def test_without_a_split(missing, own_pcam, generated, cache):
    for path in own_pcam.glob(f"*_{missing}_*"):
        path.unlink()
    addresses = [str(own_pcam), *([str(generated)] if missing == "test" else [])]
    tables = open_dataset(addresses, cache).tables()
    # A validation part alone is no published split.
    assert set(tables.roles.values()) == ({"train", "test"} if missing == "valid" else set())


@pytest.mark.parametrize("name", ["train_x.h5", "train_y.h5", "valid_y.h5", "test_x.h5"])
def test_a_missing_file(name, own_pcam, file, refused):
    file(name).unlink()
    assert refused(own_pcam).problem == f"{own_pcam} has no {file(name).name}."


def test_without_train(own_pcam, refused):
    for path in own_pcam.glob("*_train_*"):
        path.unlink()
    assert "train_x.h5 and no camelyon" in refused(own_pcam).problem


# packed


def test_packed_is_the_same(pcam, own_pcam, packed, opened, same, cache):
    plain, unpacked = opened(pcam), opened(packed(own_pcam))
    assert plain.key == unpacked.key
    assert same(plain, unpacked)
    assert not list(cache.rglob(".*.h5*"))


def test_unpacks_once_and_tells_how_far(own_pcam, packed, opened, monkeypatch):
    told = []
    with listening(told.append):
        first = opened(packed(own_pcam))
    units = [
        p for p in told if p.what == "Unpack camelyonpatch_level_2_split_train_x.h5.gz (bytes)"
    ]
    assert units[-1].done == units[-1].total > 100 * 96 * 96 * 3
    monkeypatch.setattr(unpacking, "_unpack", lambda *_: pytest.fail("unpacked again"))
    assert opened(own_pcam) == first


def test_a_changed_file_is_unpacked_anew(own_pcam, packed, opened, written_split):
    first = opened(packed(own_pcam))
    other = np.ones((2, 96, 96, 3), np.uint8)
    written_split(own_pcam, "valid", other, [0, 1], ["a", "b"])
    second = opened(packed(own_pcam))
    assert second.key != first.key
    assert np.array_equal(second.decode("train", "valid-000001"), other[1])


@pytest.mark.parametrize("keep", [0.01, 0.5, 0.99, 0.999999])
def test_cut_off_while_packed(keep, own_pcam, packed, file, refused, cache):
    path = packed(own_pcam) and file("train_x.h5.gz")
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content))])
    error = refused(own_pcam)
    assert "train_x.h5.gz cannot be unpacked" in error.problem
    assert "Download it again" in error.remedy
    assert not list(cache.rglob("*train_x.h5"))


@pytest.mark.parametrize("content", [b"", b"no gz", bytes(100)])
def test_not_packed_at_all(content, own_pcam, file, refused):
    file("train_x.h5").unlink()
    file("train_x.h5.gz").write_bytes(content)
    assert "train_x.h5" in refused(own_pcam).problem


def test_a_packed_bomb(own_pcam, packed, refused, monkeypatch, cache):
    monkeypatch.setattr(unpacking, "_MOST", 1 << 20)
    error = refused(packed(own_pcam))
    assert "unpacks to more than" in error.problem
    assert not [path for path in cache.rglob("*") if path.name.endswith("x.h5")]


@pytest.mark.parametrize("module", [expectation, unpacking])
def test_a_full_disk(module, own_pcam, packed, refused, monkeypatch):
    monkeypatch.setattr(module, "_RESERVE", 1 << 60)
    error = refused(packed(own_pcam))
    assert "disk" in error.problem
    assert "ree some space" in error.remedy


@pytest.mark.parametrize(
    ("packed_bytes", "size"),
    [(6_421_353_462, 7_247_757_312), (805_965_320, 905_969_664), (21_378, 263_000), (18, 0)],
)
def test_the_size_is_known_beforehand(packed_bytes, size, tmp_path):
    """The last four bytes tell it only modulo 4 GiB."""
    path = tmp_path / "x.gz"
    with path.open("wb") as file:
        file.truncate(packed_bytes - 4)
        file.seek(packed_bytes - 4)
        file.write((size % 2**32).to_bytes(4, "little"))
    assert unpacking._size(path) == size


# hostile and damaged


@pytest.mark.parametrize("keep", [0.0, 0.001, 0.5, 0.999])
def test_cut_off(keep, own_pcam, file, refused):
    content = file("valid_x.h5").read_bytes()
    file("valid_x.h5").write_bytes(content[: int(keep * len(content))])
    error = refused(own_pcam)
    assert "valid_x.h5 cannot be read as PCam's" in error.problem
    assert "cut off" in error.remedy


@pytest.mark.parametrize(
    ("name", "rows"),
    [("train_y.h5", 99), ("train_y.h5", 101)],
)
def test_unlike_rows(name, rows, own_pcam, file, refused):
    with h5py.File(file(name), "w") as h5:
        h5["y"] = np.zeros((rows, 1, 1, 1), np.uint8)
    stem = "camelyonpatch_level_2_split_"
    told = f"{stem}train_y.h5 has {rows} rows, but {stem}train_x.h5 has 100."
    assert refused(own_pcam).problem == told


def test_unlike_rows_of_slides(own_pcam, file, refused):
    path = file("test_meta.csv")
    path.write_text("\n".join(path.read_text().splitlines()[:-1]) + "\n")
    assert "test_meta.csv has 19 rows, but" in refused(own_pcam).problem


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("id,slide\n0,a\n", "has the columns id, slide"),
        ("wsi,x\n,1\n", "gives no wsi in 1 row: 0"),
        ("", "cannot be read as CSV"),
        ("wsi\n", "has no rows"),
    ],
)
def test_odd_slides(text, problem, own_pcam, file, refused):
    file("train_meta.csv").write_text(text)
    assert f"train_meta.csv {problem}" in refused(own_pcam).problem


@pytest.mark.parametrize(
    ("shape", "dtype", "problem"),
    [
        ((100, 64, 64, 3), "uint8", "x is uint8 of the shape (100, 64, 64, 3)"),
        ((100, 3, 96, 96), "uint8", "x is uint8 of the shape (100, 3, 96, 96)"),
        ((100, 96, 96, 3), "float32", "x is float32"),
        ((100, 96, 96, 3), "int8", "x is int8"),
        ((0, 96, 96, 3), "uint8", "'x' has the shape (0, 96, 96, 3)"),
        ((100, 96, 96), "uint8", "'x' has the shape (100, 96, 96)"),
        ((2_000_000, 96, 96, 3), "uint8", "'x' has the shape (2000000, 96, 96, 3)"),
        ((100, 96, 96, 3), "uint8", "x has a shape, but no pixels"),
    ],
)
def test_other_pixels(shape, dtype, problem, own_pcam, file, refused):
    with h5py.File(file("train_x.h5"), "w") as h5:
        h5.create_dataset("x", shape, dtype, chunks=(1, *shape[1:]) if shape[0] else None)
        if "no pixels" not in problem and shape[0] == 100:
            h5["x"][0] = 1
    assert problem in refused(own_pcam).problem


@pytest.mark.parametrize(
    ("y", "problem"),
    [
        (np.zeros(100, np.uint8), "'y' has the shape (100,)"),
        (np.zeros((100, 1, 1, 2), np.uint8), "y is uint8 of the shape (100, 1, 1, 2)"),
        (np.zeros((100, 1, 1, 1)), "y is float64"),
        (np.full((100, 1, 1, 1), b"0"), "y is |S1"),
    ],
)
def test_other_labels(y, problem, own_pcam, file, refused):
    with h5py.File(file("train_y.h5"), "w") as h5:
        h5["y"] = y
    assert problem in refused(own_pcam).problem


def test_labels_are_passed_on_as_they_are(own_pcam, file, opened):
    """Saying what is wrong with them is the work of the stage `labels`."""
    with h5py.File(file("train_y.h5"), "r+") as h5:
        h5["y"][3] = 7
    labels = opened(own_pcam).tables().labels
    assert dict(zip(labels["id"], labels["label"], strict=True))["train-000003"] == "7"


def link_outside(h5, secret):
    h5["x"] = h5py.ExternalLink(str(secret), "x")


def soft_link(h5, secret):
    h5["z"] = np.ones((100, 96, 96, 3), np.uint8)
    h5["x"] = h5py.SoftLink("/z")


def virtual(h5, secret):
    layout = h5py.VirtualLayout((100, 96, 96, 3), np.uint8)
    layout[:] = h5py.VirtualSource(str(secret), "x", (100, 96, 96, 3))
    h5.create_virtual_dataset("x", layout)


def raw_bytes_of_another_file(h5, secret):
    size = 100 * 96 * 96 * 3
    h5.create_dataset("x", (100, 96, 96, 3), np.uint8, external=[(str(secret), 0, size)])


@pytest.mark.parametrize("lead", [link_outside, soft_link, virtual, raw_bytes_of_another_file])
def test_what_leads_to_another_file(lead, own_pcam, file, refused, tmp_path):
    secret = tmp_path / "secret.h5"
    shutil.copy(file("train_x.h5"), secret)
    with h5py.File(file("train_x.h5"), "w") as h5:
        lead(h5, secret)
    assert "train_x.h5 takes 'x' from elsewhere" in refused(own_pcam).problem


@pytest.mark.parametrize("content", ["group", "nothing"])
def test_no_dataset(content, own_pcam, file, refused):
    with h5py.File(file("train_x.h5"), "w") as h5:
        if content == "group":
            h5.create_group("x")
    assert "it has no dataset 'x'" in refused(own_pcam).problem


def test_a_chunk_that_is_a_bomb(own_pcam, file, refused):
    with h5py.File(file("train_y.h5"), "w") as h5:
        shape = (1 << 27, 1, 1, 1)
        y = h5.create_dataset(
            "y", (100, 1, 1, 1), np.uint8, maxshape=shape, chunks=shape, compression=1
        )
        assert y.chunks == shape
    assert "too large to unpack" in refused(own_pcam).problem


def test_a_damaged_row_is_a_fault_of_that_patch(own_pcam, file, opened):
    with h5py.File(file("train_x.h5"), "r+") as h5:
        x = h5["x"][:]
        del h5["x"]
        h5.create_dataset("x", data=x, chunks=(1, 96, 96, 3), fletcher32=True)
        at = h5["x"].id.get_chunk_info_by_coord((5, 0, 0, 0)).byte_offset
    content = bytearray(file("train_x.h5").read_bytes())
    content[at + 100] ^= 0xFF
    file("train_x.h5").write_bytes(content)
    data = opened(own_pcam)
    with pytest.raises(ValueError, match="cannot be read"):
        data.decode("train", "train-000005")
    assert np.array_equal(data.decode("train", "train-000006"), x[6])


@pytest.mark.parametrize("chunks", [(1, 96, 96, 3), (64, 96, 96, 3)])
def test_however_it_is_stored(chunks, pcam, own_pcam, file, opened, same):
    with h5py.File(file("train_x.h5"), "r+") as h5:
        x = h5["x"][:]
        del h5["x"]
        h5.create_dataset("x", data=x, chunks=chunks, compression="gzip")
    stored = opened(own_pcam)
    assert same(opened(pcam), stored)
    assert same(stored, pickle.loads(pickle.dumps(stored)))
    assert Path(json.loads(stored.model_dump_json())["splits"][0]["pixels"]) == file("train_x.h5")
