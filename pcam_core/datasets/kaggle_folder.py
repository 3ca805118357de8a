"""A folder in Kaggle's layout, known by its content."""

import hashlib
from pathlib import Path

from pcam_core.datasets.dataset import PARTS, Part
from pcam_core.datasets.kaggle_layout import LABELS, SUFFIX, TABLES, KaggleLayout, patch_files
from pcam_core.errors import InputError
from pcam_core.file_hashes import hash_files


class KaggleFolder(KaggleLayout):
    """A folder in Kaggle's layout.

    Attributes:
        path: The folder.
        key: Hex sha256 over the sorted (relative path, bytes, sha256) of its files.
    """

    path: Path

    def file(self, name: str) -> Path | None:
        """Return the path of a file that is there."""
        path = self.path / name
        return path if path.is_file() else None

    def patch_ids(self, part: Part) -> list[str]:
        """Return the sorted ids of the files in `part`."""
        names = _names(self.path, part)
        return sorted(Path(name).stem for name in names if name.endswith(SUFFIX))


def open_kaggle_folder(folder: Path, memory: Path) -> KaggleFolder:
    """Identify the patches in `folder` by content.

    Args:
        folder: The data folder.
        memory: File that remembers hashes between calls; see `hash_files`.

    Raises:
        InputError: The folder, its labels or its patches are not there or not readable.
    """
    try:
        return _open(folder, memory)
    except PermissionError as error:
        raise InputError(
            f"{error.filename} cannot be read ({error.strerror}).", "Allow this user to read it."
        ) from error


def _open(folder: Path, memory: Path) -> KaggleFolder:
    if not (folder / LABELS).is_file():
        raise InputError(
            f"{folder} has no {LABELS}.",
            f"Put Kaggle's {LABELS} (columns id, label) beside the folders train and test.",
        )
    patches = patch_files((name for part in PARTS for name in _names(folder, part)), str(folder))
    tables = [name for name in TABLES if (folder / name).is_file()]
    hashes = hash_files([folder / name for name in (*tables, *patches)], memory)
    digest = hashlib.sha256()
    for path, (size, sha256) in sorted(hashes.items()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{size}\0{sha256}\n".encode())
    return KaggleFolder(
        address=str(folder.resolve()), key=digest.hexdigest(), path=folder.resolve()
    )


def _names(folder: Path, part: str) -> list[str]:
    inside = folder / part
    if not inside.is_dir():
        return []
    return [f"{part}/{path.name}" for path in inside.iterdir() if not path.name.startswith(".")]
