"""A model with all that scoring needs to know of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from pcam_core.drift.reference import Reference, read_reference, reference_beside
from pcam_core.errors import InputError
from pcam_core.model_card.description import (
    ModelDescription,
    description_beside,
    read_model_description,
)
from pcam_core.scoring.source import open_source
from pcam_core.stages.final import MODEL


@dataclass(frozen=True)
class ServedModel:
    """A model, how it is to be used, and what it was trained on.

    Attributes:
        path: A ".keras" file.
        description: Its `model.json`.
        reference: Its `model.npz`.
    """

    path: Path
    description: ModelDescription
    reference: Reference


@contextmanager
def served(address: str, sha256: str | None = None) -> Iterator[ServedModel]:
    """Give a model with what lies beside it; copies from a bucket vanish at the block's end.

    Args:
        address: A ".keras" file or a folder with a `model.keras`, there or at s3://.
        sha256: What the file must be; None for whatever lies there.

    Raises:
        InputError: A file is missing, damaged, or another one's.
    """
    if not address.endswith(".keras"):
        address = f"{address.rstrip('/')}/{MODEL}"
    with TemporaryDirectory() as folder:
        remote = address.startswith("s3://")
        path = _fetched(address, Path(folder)) if remote else Path(address)
        if not path.is_file():
            raise _absent(address)
        try:
            description = read_model_description(path)
            reference = read_reference(path, description.sha256)
        except InputError as error:
            if not remote:
                raise
            there = address.rpartition("/")[0]
            problem, remedy = (text.replace(folder, there) for text in error.args)
            raise InputError(problem, remedy) from error
        if sha256 not in (None, description.sha256):
            raise InputError(
                f"The model {address} is another file than was registered, or than it was when this"
                " run began.",
                "Put that file back, start a new run, or return to the champion before it with"
                " `pcam rollback`.",
            )
        yield ServedModel(path, description, reference)


def _fetched(address: str, folder: Path) -> Path:
    prefix, _, name = address.rpartition("/")
    source = open_source(prefix, may_be_empty=True)
    there = {entry.name: entry for entry in source.entries()}
    model = folder / PurePosixPath(name).name
    for path in (model, description_beside(model), reference_beside(model)):
        if path.name in there:
            path.write_bytes(source.read(there[path.name]))
    return model


def _absent(address: str) -> InputError:
    return InputError(
        f"There is no model {address}.",
        "Give a .keras file, or a folder with model.keras, model.json and model.npz; a lost"
        " champion is replaced by the one before it with `pcam rollback`.",
    )
