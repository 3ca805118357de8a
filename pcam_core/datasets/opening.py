"""Choosing the source by the form of an address."""

from collections.abc import Sequence
from pathlib import Path

from pcam_core.datasets.dataset import Dataset
from pcam_core.datasets.kaggle_folder import open_kaggle_folder
from pcam_core.errors import InputError


def open_dataset(addresses: Sequence[str], cache: Path) -> Dataset:
    """Open a data set, or the union of several, and identify it by content.

    Args:
        addresses: At least one.
        cache: Folder that remembers hashes and keeps copies of what lies elsewhere; see
            `hash_files`.

    Raises:
        InputError: Something is not there, not readable, or no such data.
    """
    (address,) = addresses
    folder = Path(address)
    if not folder.is_dir():
        raise InputError(
            f"The data folder {folder} does not exist.",
            "Give --data a folder in Kaggle's layout, or make one with `pcam synth`.",
        )
    return open_kaggle_folder(folder, cache / "hashes.sqlite")
