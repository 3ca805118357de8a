"""What a long stage will need, said before it starts."""

import logging
import shutil
from pathlib import Path

from pcam_core.errors import InputError
from pcam_core.units import duration, megabytes

logger = logging.getLogger(__name__)
_RESERVE = 256 * 1024**2


def announce(what: str, folder: Path, disk_bytes: int, seconds: float) -> None:
    """Log the disk and time that `what` is expected to need.

    Args:
        what: The work, for people.
        folder: Where it will write.
        disk_bytes: Bytes that it will write.
        seconds: Expected duration; an estimate, good to a factor of about two.

    Raises:
        InputError: The disk cannot hold it and a reserve of 256 MiB.
    """
    free = shutil.disk_usage(folder).free
    logger.info("%s: expects %s of disk and %s", what, megabytes(disk_bytes), duration(seconds))
    if free < disk_bytes + _RESERVE:
        raise InputError(
            f"{what} needs {megabytes(disk_bytes)} of disk, but only {megabytes(free)} are left"
            f" where {folder} lies (256 MB are kept in reserve).",
            "Free some space (`pcam prune --keep 1` removes what older runs left) or choose"
            " another --out.",
        )
