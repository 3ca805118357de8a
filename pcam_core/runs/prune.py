"""Removing what old runs left, and nothing that a kept run refers to."""

import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict

from pcam_core.datasets.cache import lock_of, remove_entry, unused_entries
from pcam_core.errors import InputError
from pcam_core.runs.disk_usage import bytes_in
from pcam_core.runs.history import RunHistory
from pcam_core.runs.record import RunRecord
from pcam_core.stage import BUILDING

# `pcam validate` leaves no record, and may still read what it has opened.
_DAY = timedelta(days=1)
_ARTIFACT = re.compile(r"\w+-[0-9a-f]{16}")


class Waste(BaseModel):
    """What pruning removes.

    Attributes:
        kept: The runs that stay, newest first.
        runs: The runs that go, newest first.
        artifacts: Folder of each artifact that no kept run refers to, and its bytes.
        leftovers: Folder of each artifact that was never finished and that no process works on
            any more, and its bytes.
        cached: Folder of data in the cache that nobody has opened since the oldest kept run
            started, nor for a day, and its bytes.
    """

    model_config = ConfigDict(frozen=True)

    kept: tuple[RunRecord, ...]
    runs: tuple[RunRecord, ...]
    artifacts: dict[Path, int]
    leftovers: dict[Path, int]
    cached: dict[Path, int]

    @property
    def flow_runs(self) -> set[str]:
        """Prefect's ids of the runs that go; a kept run may share one, if Prefect repeated it."""
        kept = {record.flow_run for record in self.kept}
        return {run.flow_run for run in self.runs if run.flow_run} - kept

    @property
    def bytes(self) -> int:
        """Bytes of all its files."""
        return sum(sum(kind.values()) for kind in (self.artifacts, self.leftovers, self.cached))


def find_waste(history: RunHistory, keep: int) -> Waste:
    """Find what can go if the `keep` newest runs stay.

    Running runs stay too, and unless `keep` is 0 the newest that is done, so that a few failed
    ones cannot cost the last model.

    Args:
        history: The runs.
        keep: Runs to keep, 0 or more.

    Raises:
        InputError: A record cannot be read, or there are artifacts and no record at all.
    """
    records = history.read_all()
    if keep and not records and _folders(history.artifacts):
        raise InputError(
            f"{history.artifacts} holds artifacts, but no record of a run tells which to keep.",
            "Give --keep 0 to remove them all.",
        )
    done = [record for record in records if record.status == "done"]
    running = [record for record in records if record.status == "running"]
    stay = {record.id for record in (*records[:keep], *done[: min(keep, 1)], *running)}
    return _waste(records, stay, history)


def remove_waste(waste: Waste, history: RunHistory) -> Waste:
    """Remove what `find_waste` found, except what a run that started since then refers to.

    Returns:
        What was removed.
    """
    gone = {record.id for record in waste.runs}
    with history.lock():
        records = history.read_all()
        stay = {record.id for record in records} - gone
        now = _waste(records, stay, history)
        for folder in (*now.leftovers, *now.artifacts):
            _remove(folder, history.artifacts / BUILDING)
        for folder in now.cached:
            remove_entry(folder)
        for record in now.runs:
            history.remove(record)
    return now


def _waste(records: Sequence[RunRecord], stay: Collection[str], history: RunHistory) -> Waste:
    artifacts, building = history.artifacts, history.artifacts / BUILDING
    kept = tuple(record for record in records if record.id in stay)
    # A folder may be mounted elsewhere today than when it was recorded: only names count.
    needed = {artifact.path.name for record in kept for artifact in record.artifacts}
    running = (record for record in kept if record.status == "running")
    busy = {artifact.path.name for record in running for artifact in record.artifacts}
    made = (path for path in _folders(artifacts) if path.name not in needed)
    begun = (path for path in _folders(building) if path.name not in busy)
    since = min([datetime.now(UTC) - _DAY, *(record.started for record in kept)])
    return Waste(
        kept=kept,
        runs=tuple(record for record in records if record.id not in stay),
        artifacts=_free({path: building / f"{path.name}.lock" for path in made}),
        leftovers=_free({path: building / f"{path.name}.lock" for path in begun}),
        cached=_free({path: lock_of(path) for path in unused_entries(history.cache, since)}),
    )


def _free(locks: Mapping[Path, Path]) -> dict[Path, int]:
    """Return the bytes of those folders whose lock no process holds."""
    return {folder: bytes_in(folder) for folder, lock in locks.items() if not _held(lock)}


def _folders(parent: Path) -> list[Path]:
    inside = parent.iterdir() if parent.is_dir() else ()
    return sorted(p for p in inside if _ARTIFACT.fullmatch(p.name) and _is_folder(p))


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _held(lock: Path) -> bool:
    try:
        with FileLock(lock, timeout=0) if lock.exists() else nullcontext():
            return False
    except Timeout:
        return True


def _remove(folder: Path, building: Path) -> None:
    """Remove a finished or begun artifact, unless a process has started to work on it."""
    workshop = building / folder.name
    workshop.parent.mkdir(exist_ok=True)
    lock = workshop.with_suffix(".lock")
    with suppress(Timeout), FileLock(lock, timeout=0):
        # What is killed half-way leaves the rest where no reader looks and the next prune does.
        folder.rename(workshop)
        shutil.rmtree(workshop)
        lock.unlink()
