"""Patches that have not been scored yet, decoded by threads."""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import PurePosixPath

import pandas as pd

from pcam_core.explanation.raw_patches import SUFFIXES, read_png
from pcam_core.patches import PatchError, Pixels, in_parallel, read_patch
from pcam_core.scoring.source import Entry, Source

_CHUNK = 512


@dataclass(frozen=True)
class Incoming:
    """One file.

    Attributes:
        id: Its name below the source, without its ending.
        sha256: Of its content, 64 hex digits; "" where it cannot be read at all.
        etag: See `Entry`.
        pixels: uint8 (96, 96, 3), RGB, 0..255; None where it is no patch.
        fault: Why it is none; "" where it is one.
    """

    id: str
    sha256: str
    etag: str
    pixels: Pixels | None
    fault: str = ""


def candidates(source: Source, scored: pd.DataFrame) -> list[Entry]:
    """List the image files (.tif, .tiff, .png), without objects that are known to be scored.

    Args:
        source: Where they lie.
        scored: See `Ledger.scored`.
    """
    known = set(zip(scored["id"], scored["etag"], strict=True))
    return [
        entry
        for entry in source.entries()
        if PurePosixPath(entry.name).suffix.lower() in SUFFIXES
        and not (entry.etag and (_id(entry), entry.etag) in known)
    ]


def incoming(source: Source, entries: list[Entry], scored: pd.DataFrame) -> Iterator[Incoming]:
    """Yield the patches of some files whose id and content have not been scored.

    Raises:
        ConnectionError: The network failed.
        InputError: The endpoint refuses.
    """
    known = set(zip(scored["id"], scored["sha256"], strict=True))
    # Two files of one name and one content, with other endings, are one patch.
    for found in in_parallel(lambda entry: _read(source, entry), entries, _CHUNK):
        if (found.id, found.sha256) not in known:
            if found.sha256:
                known.add((found.id, found.sha256))
            yield found


def _id(entry: Entry) -> str:
    return str(PurePosixPath(entry.name).with_suffix(""))


def _read(source: Source, entry: Entry) -> Incoming:
    name = _id(entry)
    try:
        content = source.read(entry)
    except (ConnectionError, TimeoutError):
        raise
    except OSError as error:
        return Incoming(name, "", entry.etag, None, f"cannot be read: {error.strerror}")
    digest = hashlib.sha256(content).hexdigest()
    decode = read_png if entry.name.lower().endswith(".png") else read_patch
    try:
        return Incoming(name, digest, entry.etag, decode(io.BytesIO(content)))
    except PatchError as error:
        return Incoming(name, digest, entry.etag, None, str(error))
