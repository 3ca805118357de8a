"""Unpacking a .gz file once, for what is read from it at random."""

import gzip
import math
import shutil
import zlib
from pathlib import Path

from pcam_core.atomic import replacing
from pcam_core.datasets.cache import filling
from pcam_core.errors import InputError
from pcam_core.expectation import announce
from pcam_core.progress import Meter
from pcam_core.units import megabytes

_PIECE = 1 << 22
_BYTES_A_SECOND = 150e6
_RESERVE = 256 * 1024**2
_LARGE = 1 << 28
_MOST = 1 << 36  # nine times PCam's largest file


def unpacked(packed: Path, sha256: str, folder: Path) -> Path:
    """Return the path of the unpacked file, unpacking it at the first call.

    Args:
        packed: A file `<name>.gz`.
        sha256: Its hex sha256.
        folder: Where the result lies, below a folder named by that sha256.

    Raises:
        InputError: It is cut off or damaged, larger than 64 GiB, or the disk is too small.
    """
    path = folder / sha256[:32] / packed.name.removesuffix(".gz")
    with filling(path.parent):
        if not path.exists():
            size = _size(packed)
            announce(f"Unpack {packed.name}", path.parent, size, size / _BYTES_A_SECOND)
            with replacing(path) as temporary:
                _unpack(packed, temporary, size)
    return path


def _size(packed: Path) -> int:
    """Return the likely size: RFC 1952 keeps its last 32 bits in the last four bytes."""
    least = packed.stat().st_size
    with packed.open("rb") as file:
        file.seek(max(least - 4, 0))
        told = int.from_bytes(file.read(4), "little")
    # Pixels of tissue do shrink, so that a large file is at least as large unpacked.
    turns = math.ceil((least - told) / 2**32) if least > _LARGE else 0
    return told + max(turns, 0) * 2**32


def _unpack(packed: Path, target: Path, size: int) -> None:
    meter = Meter(f"Unpack {packed.name} (bytes)", size)
    written = 0
    try:
        with gzip.open(packed) as source, target.open("wb") as sink:
            while piece := source.read(_PIECE):
                written += len(piece)
                if written > _MOST or shutil.disk_usage(target.parent).free < _RESERVE:
                    raise InputError(
                        f"{packed} unpacks to more than {megabytes(written)}, which"
                        f" {'no file of PCam has' if written > _MOST else 'the disk cannot hold'}.",
                        "Check where it comes from, or free some space.",
                    )
                sink.write(piece)
                meter.advance(len(piece))
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(
            f"{packed} cannot be unpacked ({error}).",
            "Download it again: it may have been cut off or damaged on the way.",
        ) from error
