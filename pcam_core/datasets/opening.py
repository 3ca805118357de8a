"""Choosing the source by the form of an address."""

from collections.abc import Sequence
from pathlib import Path

from pcam_core.datasets.dataset import Dataset
from pcam_core.datasets.form import ZIP, Form, files_of, form_of
from pcam_core.datasets.generated import SCHEME as GENERATED
from pcam_core.datasets.generated import generated
from pcam_core.datasets.kaggle_folder import open_kaggle_folder
from pcam_core.datasets.kaggle_zip import open_kaggle_zip
from pcam_core.datasets.pcam_layout import pcam_name
from pcam_core.datasets.union import unite
from pcam_core.errors import InputError

_S3 = "s3://"


def open_dataset(addresses: Sequence[str], cache: Path) -> Dataset:
    """Open a data set, or the union of several, and identify it by content.

    Args:
        addresses: At least one: a folder in Kaggle's layout, the competition's .zip, a folder of
            PCam's files or of one .zip, "s3://bucket/prefix" with any of these, or
            "synth:train=800,test=160,seed=42".
        cache: Folder that remembers hashes (`hashes.sqlite`; see `hash_files`) and keeps copies of
            what lies elsewhere (`mirrors`), is packed (`unpacked`) or generated (`generated`).

    Raises:
        InputError: Something is not there, not readable, or no such data.
        ConnectionError: The network failed, or what lies on S3 changed meanwhile: try again.
    """
    try:
        data = unite([_open(address, cache) for address in addresses])
        if not data.patch_ids("test"):
            raise InputError(
                f"{data.address} has no patches to predict.",
                f"Add {pcam_name('test', 'x')} with its labels, or give a second source that has"
                " some.",
            )
    except PermissionError as error:
        raise InputError(
            f"{error.filename} cannot be read ({error.strerror}).", "Allow this user to read it."
        ) from error
    return data


def _open(address: str, cache: Path) -> Dataset:
    memory = cache / "hashes.sqlite"
    if address.startswith(_S3):
        from pcam_core.datasets.mirror import mirror  # boto3 takes a while to import

        return _open_folder(mirror(address, cache), cache, address)
    if address.startswith(GENERATED):
        return open_kaggle_folder(generated(address, cache), memory, address)
    path = Path(address)
    shown = str(path.resolve())
    if path.is_dir():
        return _open_folder(path, cache, shown)
    if path.is_file() and path.suffix == ZIP:
        return open_kaggle_zip(path, memory, shown)
    if path.exists():
        raise InputError(
            f"{path} is neither a folder nor a {ZIP} file.",
            f"Give --data a folder in Kaggle's layout, the competition's {ZIP}, or a folder of"
            " PCam's files.",
        )
    raise InputError(
        f"The data folder {address} does not exist.",
        f"Give --data a folder in Kaggle's layout, the competition's {ZIP}, a folder of PCam's"
        f" files, {_S3}bucket/prefix or {GENERATED}train=800,test=160,seed=42.",
    )


def _open_folder(folder: Path, cache: Path, address: str) -> Dataset:
    memory = cache / "hashes.sqlite"
    names = [path.name for path in folder.iterdir()]
    form = form_of(names, address)
    if form is Form.KAGGLE:
        return open_kaggle_folder(folder, memory, address)
    if form is Form.PCAM:
        from pcam_core.datasets.pcam_files import open_pcam_files  # h5py takes a while to import

        return open_pcam_files(folder, cache, address)
    (name,) = files_of(form, names)
    return open_kaggle_zip(folder / name, memory, f"{address}/{name}")
