"""A folder of patches as Kaggle lays it out, known by its content."""

import hashlib
from itertools import chain
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pcam_core.errors import InputError
from pcam_core.file_hashes import hash_files
from pcam_core.listing import count, listing

LABELS = "train_labels.csv"
SAMPLE_SUBMISSION = "sample_submission.csv"
GROUP_MAPS = {"patch_id_wsi_full.csv": "wsi", "overlap_groups.csv": "group"}
SUFFIX = ".tif"
_SUFFIXES = (SUFFIX, ".tiff")


class RawData(BaseModel):
    """A reference to raw patches.

    The folder holds `train_labels.csv` (id, label), `train/<id>.tif`, `test/<id>.tif` and
    may hold `sample_submission.csv` and a group map: `patch_id_wsi_full.csv` (id, wsi: the
    slide) or `overlap_groups.csv` (id, group: patches that share pixels).

    Attributes:
        path: The folder.
        key: Hex sha256 over the sorted (relative path, bytes, sha256) of those files.
    """

    model_config = ConfigDict(frozen=True)

    path: Path
    key: str

    def patch(self, part: str, patch_id: str) -> Path:
        """Return the file of a patch; `part` is "train" or "test"."""
        return self.path / part / f"{patch_id}{SUFFIX}"

    def patch_ids(self, part: str) -> list[str]:
        """Return the sorted ids of the files in `part`."""
        return [path.stem for path in _patches(self.path / part)]


def open_raw_data(folder: Path, memory: Path) -> RawData:
    """Identify the raw data in `folder` by content.

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


def _open(folder: Path, memory: Path) -> RawData:
    if not folder.is_dir():
        raise InputError(
            f"The data folder {folder} does not exist.",
            "Give --data a folder in Kaggle's layout, or make one with `pcam synth`.",
        )
    if not (folder / LABELS).is_file():
        raise InputError(
            f"{folder} has no {LABELS}.",
            f"Put Kaggle's {LABELS} (columns id, label) beside the folders train and test.",
        )
    tables = [folder / name for name in (LABELS, SAMPLE_SUBMISSION, *GROUP_MAPS)]
    patches = [_checked(_patches(folder / part), folder / part) for part in ("train", "test")]
    files = [*filter(Path.is_file, tables), *chain(*patches)]
    digest = hashlib.sha256()
    for path, (size, sha256) in sorted(hash_files(files, memory).items()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{size}\0{sha256}\n".encode())
    return RawData(path=folder.resolve(), key=digest.hexdigest())


def _patches(folder: Path) -> list[Path]:
    """Files that look like patches; hidden ones are macOS' attributes, not pictures."""
    if not folder.is_dir():
        return []
    found = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(path for path in found if path.suffix.lower() in _SUFFIXES)


def _checked(patches: list[Path], folder: Path) -> list[Path]:
    if not patches:
        raise InputError(
            f"{folder} holds no {SUFFIX} patches.", f"Put the patches there as <id>{SUFFIX}."
        )
    odd = [p for p in patches if p.suffix != SUFFIX or not p.name.isprintable()]
    if odd:
        named = [repr(p.name) for p in odd]
        raise InputError(
            f"{folder} holds {count(named, 'file')} whose name cannot be used: {listing(named)}.",
            f"Name them <id>{SUFFIX}, in small letters.",
            named,
        )
    return patches
