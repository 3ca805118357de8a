"""The records of all runs in a folder."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from filelock import FileLock

from pcam_core.atomic import replacing
from pcam_core.errors import InputError
from pcam_core.listing import listing
from pcam_core.runs.record import RunRecord

logger = logging.getLogger(__name__)

LATEST = "latest"
_ELSEWHERE = "Give --out the folder of your runs, or start one with `pcam demo`."


@dataclass(frozen=True)
class RunHistory:
    """The records below `out`, one JSON file a run.

    Attributes:
        out: Folder of artifacts and records.
    """

    out: Path

    @property
    def folder(self) -> Path:
        """Folder of the records."""
        return self.out.absolute() / "runs"

    @property
    def artifacts(self) -> Path:
        """Folder of the artifacts."""
        return self.out.absolute() / "artifacts"

    @property
    def cache(self) -> Path:
        """Folder of what is kept of the data between runs; see `open_dataset`."""
        return self.out.absolute() / "cache"

    def lock(self) -> FileLock:
        """Return the lock that a run holds while it writes what it will use, and prune throughout.

        Whoever comes second sees what the first one did.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        return FileLock(self.folder / ".lock")

    def write(self, record: RunRecord) -> None:
        """Write a record, or replace an earlier state of it."""
        with replacing(self._path(record)) as temporary:
            temporary.write_text(record.model_dump_json(indent=2))

    def remove(self, record: RunRecord) -> None:
        """Remove a record."""
        self._path(record).unlink(missing_ok=True)

    def read(self) -> list[RunRecord]:
        """Return the records, newest first; a damaged one is skipped with a warning."""
        return self._sorted(damaged_are_fatal=False)

    def read_all(self) -> list[RunRecord]:
        """Return the records, newest first.

        Raises:
            InputError: One cannot be read.
        """
        return self._sorted(damaged_are_fatal=True)

    def find(self, name: str) -> RunRecord:
        """Return the run of this name.

        Args:
            name: "latest", an id, or the beginning of exactly one id.

        Raises:
            InputError: There is no such run, or more than one.
        """
        records = {record.id: record for record in self.read()}
        if not records:
            raise InputError(
                f"There are no runs in {self.out}.",
                _ELSEWHERE,
            )
        if name == LATEST:
            return next(iter(records.values()))
        if name in records:
            return records[name]
        matches = [known for known in records if name and known.startswith(name)]
        if len(matches) == 1:
            return records[matches[0]]
        if matches:
            raise InputError(
                f"{len(matches)} runs begin with {name!r}.",
                f"Write more of its id: {listing(matches)}.",
            )
        near = get_close_matches(name, records, n=1)
        raise InputError(
            f"There is no run {name!r} in {self.out}.",
            f"Did you mean {near[0]!r}?"
            if near
            else f"Choose from {listing(records)}, or say {LATEST!r}.",
        )

    def _path(self, record: RunRecord) -> Path:
        return self.folder / f"{record.id}.json"

    def _sorted(self, *, damaged_are_fatal: bool) -> list[RunRecord]:
        found = self._records(damaged_are_fatal)
        return sorted(found, key=lambda record: (record.started, record.id), reverse=True)

    def _records(self, damaged_are_fatal: bool) -> Iterator[RunRecord]:
        for path in self.folder.glob("*.json"):
            try:
                yield RunRecord.model_validate_json(path.read_bytes())
            except FileNotFoundError:
                continue  # pruned at this moment
            except (OSError, ValueError) as error:
                damage = f"The record {path} cannot be read"
                if damaged_are_fatal:
                    raise InputError(
                        f"{damage}, so that nobody knows which artifacts its run needs.",
                        "Remove that file if the run is of no use to you, then prune again.",
                    ) from error
                logger.warning("%s and is left out.", damage)


def open_history(out: Path) -> RunHistory:
    """Return the runs in a folder that must exist.

    Raises:
        InputError: There is no such folder.
    """
    if not out.is_dir():
        raise InputError(f"The folder {out} does not exist.", _ELSEWHERE)
    return RunHistory(out)
