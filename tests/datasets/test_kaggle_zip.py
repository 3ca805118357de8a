import stat
import zipfile

import pytest

from pcam_core.datasets.opening import open_dataset
from pcam_core.errors import InputError

PATCH = b"II*\0"


@pytest.fixture
def archive(tmp_path):
    """Write members, given as name or ZipInfo and content, beside those of a small data set."""

    def write(*members, method=zipfile.ZIP_DEFLATED):
        path = tmp_path / "data.zip"
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.writestr("train_labels.csv", "id,label\na,0\nb,1\n")
            for name in ("train/a.tif", "train/b.tif", "test/c.tif"):
                archive.writestr(name, PATCH)
            for member, content in members:
                archive.writestr(member, content)
        return path

    return write


def member(name, mode=0, **fields):
    info = zipfile.ZipInfo("x")
    info.filename = info.orig_filename = name  # as it is: the constructor mends some
    info.external_attr = mode << 16
    for field, value in fields.items():
        setattr(info, field, value)
    return info


def refused(path, cache):
    with pytest.raises(InputError) as caught:
        open_dataset([str(path)], cache)
    assert str(caught.value).isprintable()
    return caught.value


@pytest.mark.parametrize("top", ["", "histopathologic-cancer-detection/"])
def test_has_what_the_folder_has(top, generated, tmp_path, zipped, cache, same):
    path = zipped(tmp_path / "data.zip", generated, top)
    assert same(open_dataset([str(path)], cache), open_dataset([str(generated)], cache))
    assert {file.name for file in cache.iterdir()} == {"hashes.sqlite"}


def test_another_content_is_another_key(archive, cache):
    first = open_dataset([str(archive())], cache)
    assert open_dataset([str(archive(("train/d.tif", PATCH)))], cache).key != first.key


def test_what_is_not_a_patch_is_left_out(archive, cache):
    path = archive(("__MACOSX/train/._a.tif", b"x"), ("train/._a.tif", b"x"), ("x/y.tif", b"x"))
    assert open_dataset([str(path)], cache).patch_ids("train") == ["a", "b"]


@pytest.mark.parametrize(
    ("hostile", "fault"),
    [
        (member("/etc/cron.d/x"), "an absolute name"),
        (member("C:/x"), "an absolute name"),
        (member("C:x.tif"), "an absolute name"),
        (member("../x.tif"), "a name that leads elsewhere"),
        (member("train/../../x.tif"), "a name that leads elsewhere"),
        (member("train//x.tif"), "a name that leads elsewhere"),
        (member("./x"), "a name that leads elsewhere"),
        (member("train\\x.tif"), "an unusable name"),
        (member("..\\x"), "an unusable name"),
        (member("train/x\n.tif"), "an unusable name"),
        (member("train/x\x1b[2J.tif"), "an unusable name"),
        (member("train/x\u202e.tif"), "an unusable name"),
        (member("train/x.tif", stat.S_IFLNK | 0o777), "a link or a device"),
        (member("train/x.tif", stat.S_IFCHR | 0o666), "a link or a device"),
        (member("train/x.tif", compress_type=zipfile.ZIP_BZIP2), "neither stored nor deflated"),
        (member("train/x.tif", compress_type=zipfile.ZIP_LZMA), "neither stored nor deflated"),
        (member("train"), "a file and a folder"),
        (member("train/a.tif/x"), "a file and a folder"),
    ],
)
def test_hostile_members(hostile, fault, archive, cache):
    error = refused(archive((hostile, b"/etc/passwd")), cache)
    assert "holds 1 member that cannot be trusted" in error.problem
    assert fault in error.items[0]


def test_a_name_that_ends_early(archive, cache):
    """Python cuts names at a NUL, other programs do not."""
    path = archive(("train/d.tif_.exe", b"x"))
    path.write_bytes(path.read_bytes().replace(b"d.tif_.exe", b"d.tif\0.exe"))
    assert "an unusable name" in refused(path, cache).problem


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_doubled_names(archive, cache):
    error = refused(archive(("train/a.tif", b"other"), ("notes", b""), ("notes", b"")), cache)
    assert error.items == ["'train/a.tif' (there twice)", "'notes' (there twice)"]


def test_all_are_named_at_once(archive, cache):
    error = refused(archive((member("/x"), b""), (member("../y"), b"")), cache)
    assert error.items == ["'/x' (an absolute name)", "'../y' (a name that leads elsewhere)"]


def test_encrypted(archive, cache):
    path = archive(("train/d.tif", b"x"))
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\1\2")
    content[at + 8] |= 1
    path.write_bytes(content)
    assert refused(path, cache).items == ["'train/d.tif' (encrypted)"]


def test_a_bomb(archive, cache):
    assert "made to fill a disk" in refused(archive(("x", bytes(3 << 20))), cache).problem


@pytest.mark.parametrize(
    ("content", "fault"),
    [(bytes(2 << 20), "2,097,152 bytes, more than 1,048,576"), (b"", "an empty file")],
)
def test_a_patch_that_is_none(content, fault, archive, cache):
    filler = ("filler", b"".join(n.to_bytes(4, "big") for n in range(99_999)))
    data = open_dataset([str(archive(("train/d.tif", content), filler))], cache)
    with pytest.raises(ValueError, match=fault):
        data.decode("train", "d")


@pytest.mark.parametrize(("offset", "value"), [(20, 10), (24, 10)])
def test_sizes_that_lie(offset, value, archive, cache):
    """Of the packed or the unpacked bytes in the directory."""
    path = archive(("train/d.tif", bytes(range(256))))
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\1\2")
    content[at + offset : at + offset + 4] = value.to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"cannot be unpacked|an empty file|not 10"):
        open_dataset([str(path)], cache).decode("train", "d")


def damage(path, start):
    content = bytearray(path.read_bytes())
    content[content.index(start) + len(start) + 3] ^= 0xFF
    path.write_bytes(content)
    return path


def test_a_damaged_patch_is_a_fault_of_that_patch(generated, tmp_path, zipped, cache):
    name = sorted(file.name for file in (generated / "train").iterdir())[5]
    path = damage(zipped(tmp_path / "data.zip", generated), name.encode() + bytes(0))
    data = open_dataset([str(path)], cache)
    with pytest.raises(ValueError, match="cannot be unpacked"):
        data.decode("train", name.removesuffix(".tif"))
    others = [i for i in data.patch_ids("train") if i not in name]
    assert len(list(data.patches("train", others))) == len(others)


def test_a_damaged_table(archive, cache):
    path = damage(archive(method=zipfile.ZIP_STORED), b"id,label")
    with pytest.raises(InputError, match=r"train_labels.csv of .* cannot be unpacked"):
        open_dataset([str(path)], cache).tables()


@pytest.mark.parametrize("keep", [0, 10, 0.3, 0.95, -1])
def test_cut_off(keep, generated, tmp_path, zipped, cache):
    path = zipped(tmp_path / "data.zip", generated)
    content = path.read_bytes()
    path.write_bytes(content[: int(keep * len(content)) if isinstance(keep, float) else keep])
    error = refused(path, cache)
    assert "data.zip is no complete zip" in error.problem
    assert "Download it again" in error.remedy


def test_changed_or_taken_away_during_a_run(archive, cache):
    path = archive()
    data = open_dataset([str(path)], cache)
    path.write_bytes(bytes(len(path.read_bytes())))
    with pytest.raises(InputError, match=r"train/a.tif of .*data.zip has changed during the run"):
        list(data.patches("train", ["a"]))
    other = data.model_copy(update={"path": path.with_name("gone.zip")})
    with pytest.raises(InputError, match=r"cannot be read \(No such file"):
        list(other.patches("train", ["a"]))


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["train/a.tif"], "has no train_labels.csv"),
        (["a/train_labels.csv", "b/train_labels.csv"], "has several train_labels.csv"),
        (["a/b/train_labels.csv"], "has no train_labels.csv"),
        (["train_labels.csv", "train/a.tif"], "test of .* holds no .tif patches"),
        (["train_labels.csv", "train/a.TIF", "test/b.tif"], r"train of .*'a.TIF'"),
    ],
)
def test_another_layout(names, problem, tmp_path, cache):
    path = tmp_path / "data.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    with pytest.raises(InputError, match=problem):
        open_dataset([str(path)], cache)
