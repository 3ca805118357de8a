"""A local folder as an object store."""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from pcam_core.errors import InputError
from pcam_core.object_store.interface import Content, Receipt, checked_key, content_of, taken
from pcam_core.writable import check_writable, lasting, unwritable

_NO_HARD_LINKS = {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


class LocalStore:
    """Keeps each object as a file of the same name below `folder`.

    A file appears under its name only once it is complete and on the disk. A process that is
    killed while writing leaves at most a hidden ".*.partial" file, which may be removed.

    Args:
        folder: Where the objects are kept; created by the first `put`.

    Raises:
        InputError: `folder` starts with the home folder of an unknown user.
    """

    def __init__(self, folder: Path) -> None:
        try:
            self._folder = folder.expanduser().absolute()
        except RuntimeError as error:
            raise InputError(f"{folder} names no known user.", "Write the full path.") from error

    def address_of(self, key: str) -> str:
        """Absolute path of `key`; see `ObjectStore`."""
        return str(self._folder / checked_key(key))

    def check(self) -> None:
        """Return when the folder, or what will hold it, is a writable folder.

        Raises:
            InputError: It is a file, not writable, or the disk fails.
        """
        check_writable(self._folder)

    def put(self, source: Path, key: str) -> Receipt:
        """Copy `source` to its place, never over another file; see `ObjectStore`."""
        target = self._folder / checked_key(key)
        content = content_of(source)
        with _permanent_errors_told(target):
            sent = not target.exists() and _publish(source, content, target)
            if not sent and content_of(target) != content:
                raise taken(str(target))
        return content.receipt(str(target), sent=sent)


def _publish(source: Path, content: Content, target: Path) -> bool:
    """Copy, read back, then name; False when another writer named its file first."""
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.parent / f".{uuid4().hex}.partial"
    try:
        with source.open("rb") as reader, partial.open("xb") as writer:
            shutil.copyfileobj(reader, writer, 1 << 20)
            writer.flush()
            os.fsync(writer.fileno())
        if content_of(partial) != content:
            raise OSError(f"{source} changed while it was copied, or the copy was damaged")
        return _name(partial, target)
    finally:
        partial.unlink(missing_ok=True)


def _name(partial: Path, target: Path) -> bool:
    try:
        # A hard link, unlike a rename, fails where a file already stands.
        target.hardlink_to(partial)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_HARD_LINKS:
            raise
        # exFAT, some network and FUSE mounts: a writer in this instant could be replaced.
        if target.exists():
            return False
        partial.rename(target)
    _sync_folder(target.parent)
    return True


def _sync_folder(folder: Path) -> None:
    """Make the new name itself survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _permanent_errors_told(place: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if lasting(error):
            raise unwritable(place, error) from error
        raise
