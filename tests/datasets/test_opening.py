import errno
import pickle
import shutil

import pytest

from pcam_core import file_hashes
from pcam_core.datasets.opening import open_dataset
from pcam_core.errors import InputError


@pytest.fixture(params=["folder", "zip", "folder of a zip", "pcam", "packed", "synth", "s3"])
def address(request, generated, pcam, tmp_path, zipped, packed):
    if request.param == "folder":
        return str(generated)
    if request.param == "zip":
        return str(zipped(tmp_path / "data.zip", generated))
    if request.param == "folder of a zip":
        (tmp_path / "folder").mkdir()
        zipped(tmp_path / "folder" / "data.zip", generated)
        return str(tmp_path / "folder")
    if request.param == "pcam":
        return str(pcam)
    if request.param == "packed":
        return str(packed(shutil.copytree(pcam, tmp_path / "packed")))
    if request.param == "synth":
        return "synth:train=12,test=3,seed=3"
    prefix = request.getfixturevalue("prefix")
    prefix.put_folder(pcam)
    return prefix.address


def test_every_source_can_be_sent_to_a_worker(address, cache, same):
    data = open_dataset([address], cache)
    copy = pickle.loads(pickle.dumps(data))
    assert copy == data
    assert hash(copy) == hash(data)
    assert same(data, copy)


def test_a_second_call_reads_and_fetches_nothing(address, cache, monkeypatch):
    first = open_dataset([address], cache)
    monkeypatch.setattr(file_hashes, "sha256_of", lambda _: pytest.fail("a file was hashed"))
    if address.startswith("s3"):
        from pcam_core.object_store.s3_source import S3Source

        monkeypatch.setattr(S3Source, "fetch", lambda *_: pytest.fail("an object was fetched"))
    assert open_dataset([address], cache) == first


@pytest.mark.parametrize(
    ("address", "problem"),
    [
        ("nowhere", "The data folder nowhere does not exist"),
        ("gs://bucket/x", "gs://bucket/x does not exist"),
        ("notes.txt", "notes.txt is neither a folder nor a .zip file"),
        ("empty", "not just one .zip: it is empty"),
        ("two", "not just one .zip: it holds 'a.zip', 'b.zip'"),
        ("many", "it holds 'file0', 'file1', 'file2', 'file3', 'file4' and 2 more"),
    ],
)
def test_what_is_no_data(address, problem, cache, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    for name in ("empty/.hidden", "two/a.zip", "two/b.zip", *(f"many/file{n}" for n in range(7))):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    with pytest.raises(InputError) as caught:
        open_dataset([address], cache)
    assert problem in caught.value.problem
    assert "Kaggle's" in caught.value.remedy


def test_a_folder_that_may_not_be_entered(generated, cache, monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(type(generated), "iterdir", refuse)
    with pytest.raises(InputError, match=r"data cannot be read \(Permission denied\)"):
        open_dataset([str(generated)], cache)


def test_nothing_to_predict(own_pcam, cache, generated):
    for file in own_pcam.glob("*_test_*"):
        file.unlink()
    with pytest.raises(InputError, match="pcam has no patches to predict"):
        open_dataset([str(own_pcam)], cache)
    assert open_dataset([str(own_pcam), str(generated)], cache).patch_ids("test")
