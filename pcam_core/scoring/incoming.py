"""Patches that have not been scored yet, decoded by threads."""

import hashlib
import io
import logging
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from pcam_core.explanation.raw_patches import SUFFIXES, form_of
from pcam_core.patches import PatchError, Pixels, in_parallel, read_patch
from pcam_core.scoring.source import THREADS, Entry, Source

logger = logging.getLogger(__name__)

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
    """List the image files (.tif, .tiff, .png), without those that are known to be scored.

    Args:
        source: Where they lie.
        scored: See `Ledger.scored`.
    """
    images = [entry for entry in source.entries() if _parts(entry)[1].lower() in SUFFIXES]
    if not images:
        logger.warning("There is no file that ends in %s.", " or ".join(SUFFIXES))
    known = pairs(scored, "etag")
    return [
        entry for entry in images if not entry.etag or (_parts(entry)[0], entry.etag) not in known
    ]


def incoming(source: Source, entries: list[Entry], scored: pd.DataFrame) -> Iterator[Incoming]:
    """Yield the patches of some files whose id and content have not been scored.

    Raises:
        ConnectionError: The network failed.
        InputError: The endpoint refuses.
    """
    known = pairs(scored, "sha256")
    # Two files of one name and one content, with other endings, are one patch.
    for found in in_parallel(lambda entry: _read(source, entry), entries, _CHUNK, THREADS):
        if (found.id, found.sha256) not in known:
            if found.sha256:
                known.add((found.id, found.sha256))
            yield found


def pairs(scored: pd.DataFrame, version: Literal["sha256", "etag"]) -> set[tuple[str, str]]:
    """Return id and version of every row."""
    return set(zip(scored["id"].tolist(), scored[version].tolist(), strict=True))


def _parts(entry: Entry) -> tuple[str, str]:
    """Return the name without its ending, and the ending."""
    return posixpath.splitext(entry.name)


def _read(source: Source, entry: Entry) -> Incoming:
    name = _parts(entry)[0]
    try:
        content = source.read(entry)
    except (ConnectionError, TimeoutError):
        raise
    except OSError as error:
        return Incoming(name, "", entry.etag, None, error.strerror or str(error))
    digest = hashlib.sha256(content).hexdigest()
    try:
        pixels = read_patch(io.BytesIO(content), form_of(entry.name))
        return Incoming(name, digest, entry.etag, pixels)
    except PatchError as error:
        return Incoming(name, digest, entry.etag, None, str(error))
