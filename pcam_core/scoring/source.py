"""The files below a folder or an S3 prefix."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from pcam_core.errors import InputError

_CONNECTIONS = 16


@dataclass(frozen=True)
class Entry:
    """One file.

    Attributes:
        name: Relative, "/"-separated.
        etag: Of an object, its version's tag; "" of a file, whose content alone tells.
    """

    name: str
    etag: str = ""


class Source(Protocol):
    """Files that can be listed and read; threads may share it."""

    def entries(self) -> list[Entry]:
        """List all files by name.

        Raises:
            InputError: There is no such place, or it refuses access.
        """
        ...

    def read(self, entry: Entry) -> bytes:
        """Return the whole content.

        Raises:
            OSError: A file cannot be read, or the network failed.
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
        found = (path for path in self.folder.rglob("*") if path.is_file())
        names = (path.relative_to(self.folder).as_posix() for path in found)
        return [Entry(name) for name in sorted(names)]

    def read(self, entry: Entry) -> bytes:
        return (self.folder / entry.name).read_bytes()


class _Bucket:
    def __init__(self, address: str, may_be_empty: bool) -> None:
        from pcam_core.object_store.interface import S3Settings
        from pcam_core.object_store.s3_source import S3Source

        self._source = S3Source(address, S3Settings(), _CONNECTIONS)
        self._may_be_empty = may_be_empty

    def entries(self) -> list[Entry]:
        found = self._source.objects(may_be_empty=self._may_be_empty)
        self._objects = {each.name: each for each in found}
        return [Entry(name, self._objects[name].etag) for name in sorted(self._objects)]

    def read(self, entry: Entry) -> bytes:
        with TemporaryDirectory() as folder:
            part = Path(folder) / "part"
            self._source.fetch(self._objects[entry.name], part, lambda _: None)
            return part.read_bytes()
