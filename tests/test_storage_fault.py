import errno
import os
import sqlite3

import pytest

from pcam_core.storage_fault import storage_fault


def raised(error, cause=None):
    try:
        raise error from cause
    except Exception as caught:
        return caught


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "a/b.npy"), "disk is full (a/b.npy)"),
        (OSError("Unable to create file (No space left on device, errno = 28)"), "disk is full"),
        (sqlite3.OperationalError("database or disk is full"), "disk is full"),
        (OSError(errno.EROFS, os.strerror(errno.EROFS)), "read-only"),
        (OSError(errno.EIO, os.strerror(errno.EIO)), "reports an error"),
    ],
)
def test_a_disks_error_is_recognised_however_it_is_wrapped(error, problem):
    for found in (error, raised(RuntimeError("the task failed"), cause=error)):
        told, remedy = storage_fault(found)
        assert problem in told
        assert remedy.endswith(".")


def test_other_errors_are_not_the_disks():
    assert (
        storage_fault(raised(ValueError("x"), cause=FileNotFoundError(2, "No such file"))) is None
    )
