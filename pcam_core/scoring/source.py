"""The files below a folder or an S3 prefix."""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pcam_core.errors import InputError

THREADS = 16
"""How many may read at once: they wait for a bucket or a network's disk."""

_NO_TEXT = "give it another name: this one is not in UTF-8"


@dataclass(frozen=True)
class Entry:
    """One file.

    Attributes:
        name: Relative, "/"-separated.
        etag: Another one for another version: an object's own; of a file, made of what its folder
            tells; "" where that is nothing.
        fault: Why nothing can be called by this name, and what to do; "" where it can.
    """

    name: str
    etag: str = ""
    fault: str = ""


class Source(Protocol):
    """Files that can be listed and read; threads may share it."""

    def entries(self) -> list[Entry]:
        """List all files by name.

        Raises:
            InputError: There is no such place, nothing is there, or it refuses access.
        """
        ...

    def read(self, entry: Entry) -> bytes:
        """Return the whole content.

        Raises:
            OSError: A file cannot be read, or the network failed.
            ObjectError: An object cannot be read.
            InputError: The endpoint refuses.
        """
        ...


def open_source(address: str, *, may_be_empty: bool = False) -> Source:
    """Return the files at an address.

    Args:
        address: "s3://bucket/prefix", or a folder.
        may_be_empty: Whether nothing need be there yet.

    Raises:
        InputError: The address is malformed.
    """
    if address.startswith("s3://"):
        return _Bucket(address, may_be_empty)
    return _Folder(Path(address), may_be_empty)


@dataclass(frozen=True)
class _Folder:
    folder: Path
    may_be_empty: bool

    def entries(self) -> list[Entry]:
        if not self.folder.is_dir():
            if self.may_be_empty and not self.folder.exists():
                return []
            raise InputError(
                f"There is no folder {self.folder}.", "Give a folder, or s3://bucket/prefix."
            )
        found = sorted(_below(self.folder), key=lambda entry: entry.name)
        if not found and not self.may_be_empty:
            raise InputError(
                f"{self.folder} holds nothing.", "Correct the address, or put the patches there."
            )
        return found

    def read(self, entry: Entry) -> bytes:
        return (self.folder / entry.name).read_bytes()


def _below(folder: Path | str, prefix: str = "") -> Iterator[Entry]:
    try:
        with os.scandir(folder) as found:
            for each in found:
                if each.is_dir(follow_symlinks=False):
                    yield from _below(each.path, f"{prefix}{each.name}/")
                else:
                    name = prefix + each.name
                    yield Entry(name, _etag(each), "" if _is_text(name) else _NO_TEXT)
    except OSError as error:
        raise InputError(
            f"{folder} cannot be listed ({error.strerror}).", "Allow this user to read it."
        ) from error


def _is_text(name: str) -> bool:
    """Return whether a name can be written down: bytes of others come as lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _etag(file: "os.DirEntry[str]") -> str:
    try:
        told = file.stat()
    except OSError:  # reading it will tell why
        return ""
    # The time of change tells what was written in place and then given its old time back.
    version = (told.st_ino, told.st_size, told.st_mtime_ns, told.st_ctime_ns)
    return hashlib.blake2s(repr(version).encode(), digest_size=8).hexdigest()


class _Bucket:
    def __init__(self, address: str, may_be_empty: bool) -> None:
        from pcam_core.object_store.interface import S3Settings
        from pcam_core.object_store.s3_source import S3Source

        self._source = S3Source(address, S3Settings(), THREADS)
        self._may_be_empty = may_be_empty

    def entries(self) -> list[Entry]:
        from pcam_core.object_store.s3_source import USABLE, usable

        found = self._source.objects(may_be_empty=self._may_be_empty, by_any_name=True)
        unusable = f"give it another name: {USABLE}"
        self._objects = {each.name: each for each in found}
        return [
            Entry(name, self._objects[name].etag, "" if usable(name) else unusable)
            for name in sorted(self._objects)
        ]

    def read(self, entry: Entry) -> bytes:
        return self._source.read(self._objects[entry.name])
