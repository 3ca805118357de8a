"""What has been scored already: the manifests below the place that predictions go to."""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pcam_core.atomic import sha256_of
from pcam_core.errors import InputError
from pcam_core.object_store import Receipt, open_store
from pcam_core.scoring.source import Entry, open_source

PREDICTIONS = "predictions.csv"

_TWICE = (
    "patches would be scored twice. To score them again on purpose, give another place for the"
    " predictions."
)


class StoredFile(BaseModel):
    """One file of a batch.

    Attributes:
        key: Relative to the place that predictions go to.
        bytes: Its size.
        sha256: 64 hex digits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    bytes: int = Field(ge=0)
    sha256: str


class Manifest(BaseModel):
    """One batch, which counts as scored from the moment at which this is there.

    Attributes:
        number: 1, 2, ... in the order of the batches.
        source: Where the patches lie.
        model: sha256, name and, of a registered one, version.
        figures: Patches by outcome, and the drift's verdict.
        finished: UTC, ISO 8601.
        files: By name: `predictions.csv`, `drift.json`, `drift.html`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    number: int = Field(ge=1)
    source: str
    model: dict[str, Any]
    figures: dict[str, Any]
    finished: str
    files: dict[str, StoredFile]


class Ledger:
    """Batches of predictions in a folder or bucket, each there wholly or not at all.

    Files of a batch are stored under the digest of their content, and its manifest, under the next
    number, last; nothing is ever overwritten. Files without a manifest are not believed: a killed
    run left them. Of two runs that want the same number one gets it, and the other looks again at
    what is left to do. Endpoints without conditional PUT cannot tell the two apart in the same
    instant: there, let scoring runs queue.

    Args:
        address: "s3://bucket/prefix" or a folder.

    Raises:
        InputError: The address is malformed.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._store = open_store(address)
        self._source = open_source(address, may_be_empty=True)
        self._scored: dict[str, pd.DataFrame] = {}

    def check(self) -> None:
        """Return when the place can be reached and looks writable; else raise `InputError`."""
        self._store.check()

    def scored(self) -> tuple[int, pd.DataFrame]:
        """Return the number of the last batch, 0 if there is none, and all that was scored.

        Returns:
            The table has the columns id, sha256 and etag of every patch, text.

        Raises:
            InputError: A manifest or what it names is damaged or missing.
        """
        try:
            return self._known()
        except InputError:
            # A listing is not of one moment: of a batch that another run has published meanwhile
            # it may have the manifest, and nothing of what came before it.
            return self._known()

    def _known(self) -> tuple[int, pd.DataFrame]:
        entries = {entry.name: entry for entry in self._source.entries()}
        last = sum(map(_is_manifest, entries))
        names = [_manifest(number) for number in range(1, last + 1)]
        for name in names:
            if name not in entries:
                raise InputError(
                    f"{self._place(name)} is missing, although there are later ones.",
                    f"Put it back from a copy; without it {_TWICE}",
                )
            if name not in self._scored:
                self._scored[name] = self._read(entries, name)
        empty = pd.DataFrame(columns=["id", "sha256", "etag"], dtype=str)
        return last, pd.concat([empty, *(self._scored[name] for name in names)], ignore_index=True)

    def publish(self, folder: str, files: Mapping[str, str]) -> dict[str, StoredFile]:
        """Store texts under the digest of them all, and return where they are.

        Args:
            folder: What they are: the first part of their keys.
            files: Name to content.
        """
        digest = hashlib.sha256(json.dumps(dict(files)).encode()).hexdigest()
        return {
            name: self._put(f"{folder}/{digest[:16]}/{name}", content)
            for name, content in files.items()
        }

    def commit(self, manifest: Manifest) -> bool:
        """Make a batch count; False if another run was first to take its number.

        Raises:
            InputError: The store refuses.
        """
        name = _manifest(manifest.number)
        try:
            self._put(name, manifest.model_dump_json(indent=2))
        except InputError:
            if name in {entry.name for entry in self._source.entries()}:
                return False
            raise
        return True

    def address_of(self, file: StoredFile) -> str:
        """Return the full address of a file."""
        return self._store.address_of(file.key)

    def _put(self, key: str, content: str) -> StoredFile:
        with TemporaryDirectory() as folder:
            path = Path(folder) / "content"
            path.write_text(content, encoding="utf-8")
            receipt: Receipt = self._store.put(path, key)
            return StoredFile(key=key, bytes=receipt.bytes, sha256=sha256_of(path))

    def _place(self, name: str) -> str:
        return f"{self.address.rstrip('/')}/{name}"

    def _read(self, entries: Mapping[str, Entry], name: str) -> pd.DataFrame:
        place = self._place(name)
        try:
            manifest = Manifest.model_validate_json(self._source.read(entries[name]))
            wanted = manifest.files[PREDICTIONS]
            content = self._source.read(entries[wanted.key])
        except (ValidationError, KeyError) as error:
            raise _damaged(place) from error
        if hashlib.sha256(content).hexdigest() != wanted.sha256:
            raise _damaged(place)
        table = pd.read_csv(io.BytesIO(content), dtype=str, keep_default_na=False)
        return table[["id", "sha256", "etag"]]


def _manifest(number: int) -> str:
    return f"manifests/{number:06d}.json"


def _is_manifest(name: str) -> bool:
    digits = Path(name).stem
    return digits.isdecimal() and int(digits) > 0 and name == _manifest(int(digits))


def _damaged(place: str) -> InputError:
    return InputError(
        f"{place}, or the {PREDICTIONS} that it names, is damaged or missing.",
        f"Put the files back from a copy; without them {_TWICE}",
    )
