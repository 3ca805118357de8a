"""Patches that have not been scored yet, decoded by threads."""

import hashlib
import io
import logging
import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

import pandas as pd

from pcam_core.errors import InputError
from pcam_core.explanation.raw_patches import SUFFIXES, form_of
from pcam_core.listing import listing
from pcam_core.object_store.interface import DeniedError, ObjectError
from pcam_core.patches import PatchError, Pixels, in_parallel, read_patch
from pcam_core.scoring.source import THREADS, Entry, Source

logger = logging.getLogger(__name__)

_CHUNK = 512


@dataclass(frozen=True)
class Incoming:
    """One file.

    Attributes:
        name: Below the source.
        sha256: Of its content, 64 hex digits; "" where it cannot be read at all.
        etag: See `Entry`.
        pixels: uint8 (96, 96, 3), RGB, 0..255; None where it is no patch.
        fault: Why it is none; "" where it is one.
        denied: Whether it cannot be read for want of a right.
    """

    name: str
    sha256: str
    etag: str
    pixels: Pixels | None
    fault: str = ""
    denied: bool = False

    @property
    def id(self) -> str:
        """Its name without its ending."""
        return posixpath.splitext(self.name)[0]


def candidates(source: Source, scored: pd.DataFrame) -> list[Entry]:
    """List the image files (.tif, .tiff, .png), without those that are known to be scored.

    Files that only their endings tell apart, as a.tif and a.png, have a fault.

    Args:
        source: Where they lie.
        scored: See `Ledger.scored`.
    """
    images = [entry for entry in source.entries() if _parts(entry)[1].lower() in SUFFIXES]
    if not images:
        logger.warning("There is no file that ends in %s.", " or ".join(SUFFIXES))
    times = Counter(_parts(entry)[0] for entry in images)
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for entry in images:
        if times[_parts(entry)[0]] > 1:
            alike[_parts(entry)[0]].append(entry.name)
    known = pairs(scored, "etag")
    new = [
        entry for entry in images if not entry.etag or (_parts(entry)[0], entry.etag) not in known
    ]
    return [_told_apart(entry, alike.get(_parts(entry)[0])) for entry in new]


def incoming(source: Source, entries: list[Entry], scored: pd.DataFrame) -> Iterator[Incoming]:
    """Yield the patches of some files whose id and content have not been scored.

    Raises:
        ConnectionError: The network failed.
        InputError: The endpoint refuses, or all of several files are denied.
    """
    known = pairs(scored, "sha256")
    denied = []
    for found in in_parallel(lambda entry: _read(source, entry), entries, _CHUNK, THREADS):
        if found.denied:
            denied.append(f"{found.name} ({found.fault})")
        if (found.id, found.sha256) not in known:
            yield found
    if len(denied) == len(entries) > 1:
        raise InputError(
            f"None of {len(denied):,} new files may be read: {listing(denied)}.",
            "Give this user, or these credentials, the right to read them.",
        )


def pairs(scored: pd.DataFrame, version: Literal["sha256", "etag"]) -> set[tuple[str, str]]:
    """Return id and version of every row."""
    return set(zip(scored["id"].tolist(), scored[version].tolist(), strict=True))


def _parts(entry: Entry) -> tuple[str, str]:
    """Return the name without its ending, and the ending."""
    return posixpath.splitext(entry.name)


def _told_apart(entry: Entry, alike: list[str] | None) -> Entry:
    if not alike or entry.fault:
        return entry
    return replace(entry, fault=f"{listing(alike)} have the same id: rename all but one")


def _read(source: Source, entry: Entry) -> Incoming:
    unread = partial(Incoming, entry.name, "", entry.etag, None)
    if entry.fault:
        return unread(entry.fault)
    try:
        content = source.read(entry)
    except (ConnectionError, TimeoutError):
        raise
    except OSError as error:
        return unread(error.strerror or str(error), isinstance(error, PermissionError))
    except ObjectError as error:
        return unread(str(error), isinstance(error, DeniedError))
    digest = hashlib.sha256(content).hexdigest()
    try:
        pixels = read_patch(io.BytesIO(content), form_of(entry.name))
        return Incoming(entry.name, digest, entry.etag, pixels)
    except PatchError as error:
        return Incoming(entry.name, digest, entry.etag, None, str(error))
