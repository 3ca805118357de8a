"""Checksums of fetched files, remembered so that a second fetch need not read them again."""

import hashlib
import json
from pathlib import Path
from typing import Any

from pcam_core.atomic import replacing
from pcam_core.progress import Meter

NAME = ".fetched.json"
_PIECE = 1 << 22


def has_checksum(path: Path, checksum: str) -> bool:
    """Whether a file is there and has this MD5 or SHA-256, in hex.

    It is read only if its size, modification time or inode is not the one remembered in
    `.fetched.json` beside it.
    """
    if not path.is_file():
        return False
    kept = _read(path.parent).get(path.name)
    if (
        not isinstance(kept, dict)
        or kept.get("identity") != _identity(path)
        or len(kept.get("checksum", "")) != len(checksum)
    ):
        found = checksum_of(path, checksum)
        remember(path, found)
        return found == checksum
    return bool(kept["checksum"] == checksum)


def remember(path: Path, checksum: str) -> None:
    """Note that a file, as it is now, has this checksum."""
    kept = _read(path.parent) | {path.name: {"identity": _identity(path), "checksum": checksum}}
    with replacing(path.parent / NAME) as file:
        file.write_text(json.dumps(kept, indent=1))


def checksum_of(path: Path, expected: str) -> str:
    """Return the hex checksum of a file's bytes, and tell the progress in bytes.

    Args:
        path: The file.
        expected: What the publisher gives: 32 hex digits of an MD5, or 64 of a SHA-256.
    """
    digest = hashlib.new("md5" if len(expected) == 32 else "sha256", usedforsecurity=False)
    meter = Meter(f"Check {path.name.removesuffix('.part')} (bytes)", path.stat().st_size)
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            meter.advance(len(piece))
    return digest.hexdigest()


def _identity(path: Path) -> list[int]:
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ino]


def _read(folder: Path) -> dict[str, Any]:
    try:
        kept = json.loads((folder / NAME).read_text())
    except (FileNotFoundError, ValueError):  # a damaged memory saves no time, and costs nothing
        return {}
    return kept if isinstance(kept, dict) else {}
