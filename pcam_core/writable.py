"""Finding out that a folder cannot be written before hours of work, not after."""

import errno
import tempfile
from pathlib import Path

from pcam_core.errors import InputError

_REMEDIES = {
    errno.EACCES: "Allow this user to write there, or choose another folder.",
    errno.EPERM: "Allow this user to write there, or choose another folder.",
    errno.EROFS: "Mount it writable, or choose another folder.",
    errno.ENOSPC: "Free some space, or choose another folder.",
    errno.EDQUOT: "Free some space, or choose another folder.",
    errno.ENAMETOOLONG: "Choose a shorter name.",
    errno.ENOTDIR: "A file stands where a folder is needed: choose another folder or name.",
    errno.EEXIST: "A file stands where a folder is needed: choose another folder or name.",
}


def check_writable(folder: Path) -> None:
    """Write a file that vanishes at once in `folder`, or in what will hold it.

    Raises:
        InputError: That cannot be done; the message says why.
    """
    folder = folder.absolute()
    try:
        place = next(p for p in (folder, *folder.parents) if p.exists() or p.is_symlink())
        # Permission bits say little about root, read-only mounts, quotas and full disks.
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(bytes(4096))
    except OSError as error:
        raise unwritable(folder, error) from error


def lasting(error: OSError) -> bool:
    """Whether only a person can mend it."""
    return error.errno in _REMEDIES


def unwritable(place: Path, error: OSError) -> InputError:
    """Say that `place` cannot be written, why, and what helps."""
    remedy = _REMEDIES.get(error.errno or 0, "Choose another folder, or look at its disk or mount.")
    return InputError(f"{place} cannot be written ({error.strerror}).", remedy)
