"""How much room a folder takes."""

from contextlib import suppress
from pathlib import Path


def bytes_in(folder: Path) -> int:
    """Return the bytes of all files below `folder`; 0 where there is none."""
    total = 0
    for path in folder.rglob("*"):
        with suppress(FileNotFoundError):  # a running stage renames and removes
            total += path.lstat().st_size if not path.is_dir() else 0
    return total
