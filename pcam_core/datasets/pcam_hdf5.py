"""The arrays in PCam's HDF5 files, read with mistrust."""

import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import numpy.typing as npt

from pcam_core.errors import InputError
from pcam_core.patches import SIDE

_ROWS = 1_000_000  # so that an id has six digits
_PIXELS = (SIDE, SIDE, 3)
_CHUNK_BYTES = 1 << 26
_CACHE_BYTES = 1 << 28  # some chunks: a chunk is unpacked as a whole, and then read row by row


@lru_cache(maxsize=16)
def open_pixels(path: Path, name: str, key: str) -> Any:
    """Return the dataset "x", shape (rows, 96, 96, 3), uint8; threads may read it at once.

    The file is opened once a process and content, and stays open.

    Args:
        path: The unpacked file.
        name: What messages call it.
        key: Identifies the content.

    Raises:
        InputError: There is no such dataset, or it leads to another file.
    """
    del key
    pixels = _dataset(path, name, "x")
    if pixels.shape[1:] != _PIXELS or pixels.dtype != np.uint8:
        raise _unlike(name, f"x is {pixels.dtype} of the shape {pixels.shape}", "uint8", _PIXELS)
    if not pixels.id.get_storage_size():
        raise _damaged(name, "x has a shape, but no pixels")
    return pixels


def read_labels(path: Path, name: str, rows: int, rows_name: str) -> npt.NDArray[np.int64]:
    """Return the dataset "y", shape (rows,), as it is in the file: 0 or 1, if all is well.

    Args:
        path: The unpacked file.
        name: What messages call it.
        rows: How many there must be.
        rows_name: The file that has as many.

    Raises:
        InputError: There is no such dataset of as many rows, or it leads to another file.
    """
    labels = _dataset(path, name, "y")
    if labels.shape[1:] != (1, 1, 1) or labels.dtype.kind not in "uib":
        raise _unlike(name, f"y is {labels.dtype} of the shape {labels.shape}", "whole", (1, 1, 1))
    check_rows(name, len(labels), rows_name, rows)
    try:
        return np.asarray(labels[:, 0, 0, 0], np.int64)
    except OSError as error:
        raise _damaged(name, str(error)) from error


def check_rows(name: str, rows: int, other: str, other_rows: int) -> None:
    """Raise an InputError if two files of one split have not as many rows."""
    if rows != other_rows:
        raise InputError(
            f"{name} has {rows:,} rows, but {other} has {other_rows:,}.",
            "Give files of one version of PCam: row n of each is about patch n.",
        )


def _dataset(path: Path, name: str, key: str) -> Any:
    try:
        file = h5py.File(path, "r", locking=False, rdcc_nbytes=_CACHE_BYTES)
        link = file.get(key, getlink=True)
        # Of a link to another file not even the presence of that file is looked up.
        found = file[key] if isinstance(link, h5py.HardLink) else None
    except PermissionError:
        raise
    except Exception as error:  # what damaged bytes lead to has no common base
        raise _damaged(name, str(error)) from error
    if link is None or not isinstance(found, h5py.Dataset | None):
        raise _damaged(name, f"it has no dataset {key!r}")
    if found is None or found.is_virtual or found.external:
        raise InputError(
            f"{name} takes {key!r} from elsewhere, by a link or as a virtual dataset.",
            "Give PCam's own files, which hold their data themselves.",
        )
    if len(found.shape) != 4 or not 0 < len(found) <= _ROWS:
        raise _damaged(name, f"{key!r} has the shape {found.shape}")
    if found.chunks and math.prod(found.chunks) * found.dtype.itemsize > _CHUNK_BYTES:
        raise _damaged(name, f"{key!r} lies in chunks of {found.chunks}, too large to unpack")
    return found


def _unlike(name: str, found: str, kind: str, shape: tuple[int, ...]) -> InputError:
    wanted = f"{kind} numbers of the shape (rows, {', '.join(map(str, shape))})"
    return InputError(f"In {name}, {found}; it must be {wanted}.", "Give PCam's own files.")


def _damaged(name: str, why: str) -> InputError:
    return InputError(
        f"{name} cannot be read as PCam's ({why}).",
        "Download it again: it may have been cut off, damaged on the way, or be another file.",
    )
