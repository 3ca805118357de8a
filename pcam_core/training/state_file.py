"""A file of arrays and plain values that is believed only while its checksum fits."""

import hashlib
import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from pcam_core.atomic import replacing

Arrays = Mapping[str, npt.NDArray[Any]]
_PLAIN = "plain"
_DIGEST = hashlib.sha256().digest_size


class DamagedStateError(Exception):
    """A state file is cut short or changed."""


@dataclass(frozen=True)
class State:
    """What is kept.

    Attributes:
        arrays: Numbers of any shape, bit for bit.
        plain: JSON values; floats keep every digit.
    """

    arrays: Arrays
    plain: dict[str, Any]


def write_state(path: Path, state: State) -> None:
    """Write a file whole or not at all.

    It is the sha256 of the rest (32 bytes), then NumPy's npz, in which the plain values are an
    array of JSON's bytes; nothing in it can run code.

    Raises:
        OSError: The disk is full or fails; an older file at `path` is as it was.
    """
    memory = io.BytesIO()
    text = json.dumps(state.plain, allow_nan=False).encode()
    np.savez(memory, **{_PLAIN: np.frombuffer(text, np.uint8)}, **state.arrays)  # type: ignore[arg-type]
    content = memory.getbuffer()
    with replacing(path) as temporary, temporary.open("wb") as file:
        file.write(hashlib.sha256(content).digest())
        file.write(content)


def read_state(path: Path) -> State:
    """Read a file that `write_state` wrote.

    Raises:
        FileNotFoundError: There is none.
        DamagedStateError: It has changed since.
    """
    whole = memoryview(path.read_bytes())
    digest, content = whole[:_DIGEST], whole[_DIGEST:]
    if hashlib.sha256(content).digest() != digest:
        raise DamagedStateError(path)
    with np.load(io.BytesIO(content), allow_pickle=False) as found:
        arrays = {name: found[name] for name in found.files}
    return State(arrays, json.loads(arrays.pop(_PLAIN).tobytes()))
