import errno
import tempfile

import pytest

from pcam_core.errors import InputError
from pcam_core.writable import check_writable


def test_nothing_is_left_behind(tmp_path):
    check_writable(tmp_path)
    check_writable(tmp_path / "not" / "yet")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["file", "file/below", "nowhere"])
def test_what_is_no_folder(tmp_path, name):
    (tmp_path / "file").write_text("")
    (tmp_path / "nowhere").symlink_to("missing")
    with pytest.raises(InputError, match=f"{name} cannot be written"):
        check_writable(tmp_path / name)


@pytest.mark.parametrize(
    ("number", "remedy"),
    [
        (errno.EACCES, "Allow this user"),
        (errno.EROFS, "Mount it writable"),
        (errno.ENOSPC, "Free some space"),
        (errno.EIO, "Choose another folder"),
    ],
)
def test_the_remedy_follows_from_the_reason(tmp_path, monkeypatch, number, remedy):
    def refuse(**_):
        raise OSError(number, "reason")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    with pytest.raises(InputError, match=r"cannot be written \(reason\)") as caught:
        check_writable(tmp_path)
    assert caught.value.remedy.startswith(remedy)
