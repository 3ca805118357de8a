import errno
import hashlib
import os

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pcam_core import file_hashes
from pcam_core.errors import InputError
from pcam_core.file_hashes import hash_files


@pytest.fixture
def read(monkeypatch):
    """Names of the files whose bytes were read."""
    names = []
    original = file_hashes.sha256_of
    monkeypatch.setattr(
        file_hashes, "sha256_of", lambda path: names.append(path.name) or original(path)
    )
    return names


@pytest.fixture
def paths(tmp_path):
    found = [tmp_path / f"{number}.tif" for number in range(5)]
    for number, path in enumerate(found):
        path.write_bytes(b"x" * number)
    return found


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(contents=st.lists(st.binary(max_size=200), max_size=6))
def test_equals_hashlib(tmp_path_factory, contents):
    folder = tmp_path_factory.mktemp("hashed")
    paths = [folder / str(number) for number in range(len(contents))]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    expected = {
        path: (len(content), hashlib.sha256(content).hexdigest())
        for path, content in zip(paths, contents, strict=True)
    }
    memory = folder / "deep" / "memory.sqlite"
    assert hash_files(paths, memory) == expected
    assert hash_files(reversed(paths), memory) == expected


def test_a_second_call_reads_nothing(paths, tmp_path, read):
    first = hash_files(paths, tmp_path / "memory")
    assert sorted(read) == [path.name for path in paths]
    read.clear()
    assert hash_files(paths, tmp_path / "memory") == first
    assert read == []


def test_only_what_changed_is_read_again(paths, tmp_path, read):
    hash_files(paths, tmp_path / "memory")
    read.clear()
    paths[2].write_bytes(b"longer")
    before = paths[3].stat()
    paths[3].write_bytes(b"abc")
    os.utime(paths[3], ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    again = hash_files(paths, tmp_path / "memory")
    assert sorted(read) == ["2.tif", "3.tif"]
    assert again[paths[3]] == (3, hashlib.sha256(b"abc").hexdigest())


def test_a_file_put_in_the_place_of_another_is_read(paths, tmp_path, read):
    hash_files(paths, tmp_path / "memory")
    read.clear()
    before = paths[3].stat()
    (tmp_path / "new").write_bytes(b"abc")
    os.utime(tmp_path / "new", ns=(before.st_atime_ns, before.st_mtime_ns))
    (tmp_path / "new").rename(paths[3])
    assert hash_files(paths, tmp_path / "memory")[paths[3]][1] == hashlib.sha256(b"abc").hexdigest()
    assert read == ["3.tif"]


def test_all_unreadable_files_are_named(paths, tmp_path, monkeypatch):
    def read(path):
        if path == paths[1]:
            raise PermissionError(errno.EACCES, "Permission denied")
        return "0" * 64

    monkeypatch.setattr(file_hashes, "sha256_of", read)
    (tmp_path / "folder.tif").mkdir()
    asked = [*paths, tmp_path / "missing.tif", tmp_path / "folder.tif"]
    with pytest.raises(InputError, match="3 files cannot be read") as caught:
        hash_files(asked, tmp_path / "memory")
    for named in (
        "1.tif (Permission denied)",
        "missing.tif (No such file or directory)",
        "folder.tif (not a regular file)",
    ):
        assert named in caught.value.problem


def test_a_damaged_memory_is_named(paths, tmp_path):
    (tmp_path / "memory").write_bytes(b"no database at all, but long enough to be looked at")
    with pytest.raises(InputError, match=r"memory is damaged .* Remove it"):
        hash_files(paths, tmp_path / "memory")
