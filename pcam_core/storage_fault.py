"""What a full or failing disk means to a person."""

import errno
import os

_FREE = "Free some space there; `pcam prune --keep 1` removes what older runs left."
_LOOK = "Look at the disk or the mount."
_FAULTS = {
    os.strerror(errno.ENOSPC): ("the disk is full", _FREE),
    "database or disk is full": ("the disk is full", _FREE),  # SQLite's words
    os.strerror(errno.EDQUOT): ("the disk quota is used up", _FREE),
    os.strerror(errno.EROFS): ("the disk is mounted read-only", "Mount it writable."),
    os.strerror(errno.EIO): ("the disk reports an error", _LOOK),
    os.strerror(errno.ESTALE): ("the network drive lost the file", _LOOK),
}


def storage_fault(error: BaseException) -> tuple[str, str] | None:
    """Return problem and remedy if a disk made this error, else None.

    Libraries wrap the operating system's error in kinds of their own, so that only its words
    tell.
    """
    cause: BaseException | None = error
    while cause:
        for words, (problem, remedy) in _FAULTS.items():
            if words in str(cause):
                place = getattr(cause, "filename", None)
                return f"{problem} ({place})" if place else problem, remedy
        cause = cause.__cause__ or cause.__context__
    return None
