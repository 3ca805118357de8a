"""The competition's zip as Kaggle gives it, read without unpacking it."""

import io
import re
import stat
import zipfile
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import IO

from pcam_core.datasets.dataset import Part
from pcam_core.datasets.kaggle_layout import (
    LABELS,
    SUFFIX,
    TABLES,
    KaggleLayout,
    looks_like_patch,
    patch_files,
)
from pcam_core.errors import InputError
from pcam_core.file_hashes import hash_files
from pcam_core.listing import count, listing

_MEMBERS = 2_000_000
_PATCH_BYTES = 1 << 20  # 96x96 pixels take 27,648
_TABLE_BYTES = 1 << 28
_EXPANSION = 200  # the competition's pictures shrink by a fifth

_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # the others unpack without a bound
_ENCRYPTED = 0x1
_DRIVE = re.compile(r"[A-Za-z]:")
_AGAIN = "Download it again: it may have been cut off or damaged on the way."


class KaggleZip(KaggleLayout):
    """A zip in Kaggle's layout, at its top or in one folder of it.

    Nothing is written to the disk, and of no member more is unpacked than a patch or a table can
    have: 1 MiB and 256 MiB.

    Attributes:
        path: The zip.
        top: "", or the name of that folder with "/".
        key: Hex sha256 of the zip.
    """

    path: Path
    top: str

    def file(self, name: str) -> IO[bytes] | None:
        """Return the content of a file, unpacked in memory.

        Raises:
            ValueError: It cannot be unpacked.
            InputError: It is a table and cannot be unpacked, or the zip has been taken away.
        """
        archive = _opened(self.path, self.key, self.address)
        try:
            member = archive.getinfo(self.top + name)
        except KeyError:
            return None
        table = name in TABLES
        try:
            return io.BytesIO(_unpack(archive, member, _TABLE_BYTES if table else _PATCH_BYTES))
        except ValueError as error:
            if table:
                raise InputError(f"{name} of {self.address} {error}.", _AGAIN) from error
            raise

    def patch_ids(self, part: Part) -> list[str]:
        """Return the sorted ids of the members below `part`."""
        names = _names(_opened(self.path, self.key, self.address), f"{self.top}{part}/")
        return sorted(n.removesuffix(SUFFIX) for n in names if looks_like_patch(f"{part}/{n}"))


def open_kaggle_zip(path: Path, memory: Path, address: str) -> KaggleZip:
    """Identify a zip by its content and check that it can do no harm.

    Args:
        path: The zip.
        memory: File that remembers hashes between calls; see `hash_files`.
        address: What messages call it.

    Raises:
        InputError: It is cut off or no zip, holds what no honest archive of patches holds (all
            such members are named), or not Kaggle's layout.
    """
    path = path.resolve()
    ((_, key),) = hash_files([path], memory).values()
    archive = _opened(path, key, address)
    tops = {name.removesuffix(LABELS) for name in archive.namelist() if _is_labels(name)}
    top = "" if "" in tops else min(tops, default=None)
    if top is None or (top and len(tops) > 1):
        raise InputError(
            f"{address} has {'no' if top is None else 'several'} {LABELS}.",
            "Give the zip of the whole competition: train_labels.csv, train and test, at its top"
            " or in one folder.",
        )
    patch_files(_names(archive, top), address)
    return KaggleZip(address=address, key=key, path=path, top=top)


def _is_labels(name: str) -> bool:
    folder, _, base = name.rpartition("/")
    return base == LABELS and "/" not in folder


def _names(archive: zipfile.ZipFile, top: str) -> list[str]:
    return [name.removeprefix(top) for name in archive.namelist() if name.startswith(top)]


@lru_cache(maxsize=8)
def _opened(path: Path, key: str, address: str) -> zipfile.ZipFile:
    """Open and check a zip, once a process and content; threads may read from it at once."""
    del key
    try:
        archive = zipfile.ZipFile(path)
    except PermissionError:
        raise
    except OSError as error:
        raise InputError(f"{address} cannot be read ({error.strerror}).", "Put it back.") from error
    except Exception as error:  # what damaged bytes lead to has no common base
        raise InputError(f"{address} is no complete zip ({error}).", _AGAIN) from error
    try:
        _check(archive.infolist(), path.stat().st_size, address)
    except InputError:
        archive.close()
        raise
    return archive


def _check(members: list[zipfile.ZipInfo], size: int, address: str) -> None:
    unpacked = sum(member.file_size for member in members)
    if len(members) > _MEMBERS or unpacked > _EXPANSION * size:
        raise InputError(
            f"{address} would unpack to {len(members):,} files of {unpacked:,} bytes, from {size:,}"
            " bytes: it may be made to fill a disk.",
            "Give the zip as Kaggle gives it, or a folder.",
        )
    faults = [*_faults(members)]
    if faults:
        raise InputError(
            f"{address} holds {count(faults, 'member')} that cannot be trusted: {listing(faults)}.",
            "Give the zip as Kaggle gives it, or a folder.",
            faults,
        )


def _faults(members: list[zipfile.ZipInfo]) -> Iterable[str]:
    files = {m.filename for m in members if not m.is_dir()}
    folders = {m.filename.rstrip("/") for m in members if m.is_dir()}
    for parent in {name.rpartition("/")[0] for name in files} - {""}:
        folders |= {parent, *(str(path) for path in PurePosixPath(parent).parents)}
    seen = set()
    for member in members:
        name = member.orig_filename
        fault = _fault(member)
        if not fault and name in seen:
            fault = "there twice"
        if not fault and name in folders:
            fault = "a file and a folder"
        seen.add(name)
        if fault:
            yield f"{name!r} ({fault})"


def _fault(member: zipfile.ZipInfo) -> str:
    name, kind = member.orig_filename, stat.S_IFMT(member.external_attr >> 16)
    if name.startswith("/") or _DRIVE.match(name):
        return "an absolute name"
    if not name.isprintable() or "\\" in name:
        return "an unusable name"
    if not {"", ".", ".."}.isdisjoint(name.removesuffix("/").split("/")):
        return "a name that leads elsewhere"
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "a link or a device"
    if member.flag_bits & _ENCRYPTED:
        return "encrypted"
    if member.compress_type not in _METHODS:
        return "neither stored nor deflated"
    return ""


def _unpack(archive: zipfile.ZipFile, member: zipfile.ZipInfo, limit: int) -> bytes:
    if member.file_size > limit:
        raise ValueError(f"has {member.file_size:,} bytes, more than {limit:,}")
    try:
        with archive.open(member) as stream:
            content = stream.read(member.file_size + 1)
    except Exception as error:  # what damaged bytes lead to has no common base
        raise ValueError(f"cannot be unpacked: {error}") from None
    if len(content) != member.file_size:
        raise ValueError(f"has {len(content):,} bytes, not {member.file_size:,} as its zip says")
    return content
