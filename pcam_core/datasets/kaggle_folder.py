"""A folder in Kaggle's layout, known by its content."""

import hashlib
from pathlib import Path

from pcam_core.datasets.dataset import PARTS, Part
from pcam_core.datasets.kaggle_layout import SUFFIX, TABLES, KaggleLayout, patch_files
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


def open_kaggle_folder(folder: Path, memory: Path, address: str) -> KaggleFolder:
    """Identify the patches in `folder` by content.

    Args:
        folder: A folder that has `train_labels.csv`.
        memory: File that remembers hashes between calls; see `hash_files`.
        address: What messages call the folder.

    Raises:
        InputError: Patches are not there, not readable or oddly named.
    """
    folder = folder.resolve()
    patches = patch_files((name for part in PARTS for name in _names(folder, part)), address)
    tables = [name for name in TABLES if (folder / name).is_file()]
    hashes = hash_files([folder / name for name in (*tables, *patches)], memory)
    digest = hashlib.sha256()
    for path, (size, sha256) in sorted(hashes.items()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{size}\0{sha256}\n".encode())
    return KaggleFolder(address=address, key=digest.hexdigest(), path=folder)


def _names(folder: Path, part: str) -> list[str]:
    inside = folder / part
    if not inside.is_dir():
        return []
    return [f"{part}/{path.name}" for path in inside.iterdir() if not path.name.startswith(".")]
