"""A file's sha256 in a small file beside it, as the command sha256sum writes it."""

from pathlib import Path

from pcam_core.atomic import replacing, sha256_of
from pcam_core.errors import InputError


def write_checksum(path: Path) -> str:
    """Write ``<path>.sha256`` and return the 64 hex digits; ``sha256sum -c`` reads it too."""
    sha256 = sha256_of(path)
    with replacing(checksum_file(path)) as temporary:
        temporary.write_text(f"{sha256}  {path.name}\n")
    return sha256


def check_checksum(path: Path) -> None:
    """Compare ``path`` with ``<path>.sha256``; return at once where there is none.

    Raises:
        InputError: They differ.
    """
    beside = checksum_file(path)
    if beside.is_file() and beside.read_text().split()[:1] != [sha256_of(path)]:
        raise InputError(
            f"{path} is not the file whose checksum is in {beside.name}.",
            "Make or download both again, or remove the checksum if it belongs to another file.",
        )


def checksum_file(path: Path) -> Path:
    """Where the checksum of ``path`` lies."""
    return path.with_name(f"{path.name}.sha256")
