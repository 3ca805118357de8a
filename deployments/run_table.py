"""The runs in a folder as a table."""

import json
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pcam_core.runs.disk_usage import bytes_in
from pcam_core.runs.history import RunHistory, open_history
from pcam_core.runs.record import RunRecord
from pcam_core.units import duration, megabytes

COLOURS = {
    "running": "cyan",
    "done": "green",
    "failed": "red",
    "stopped": "yellow",
    "killed": "red",
}


def show_runs(out: Path, *, as_json: bool) -> None:
    """Print the runs in a folder, newest first.

    Raises:
        InputError: There is no such folder.
    """
    history = open_history(out)
    records = history.read()
    sizes = _sizes(history, records)
    if as_json:
        print(json.dumps([_fields(record, sizes) for record in records], indent=2))
    elif records:
        Console().print(_table(records, sizes))
        Console().print(_total(records, sizes), highlight=False)
    else:
        Console().print(f"There are no runs in {out} yet. Start one with `pcam demo`.")


def _sizes(history: RunHistory, records: list[RunRecord]) -> dict[str, int]:
    """Return the bytes of every artifact that a run refers to, by the name of its folder."""
    names = {artifact.path.name for record in records for artifact in record.artifacts}
    return {name: bytes_in(history.artifacts / name) for name in names}


def _size(record: RunRecord, sizes: dict[str, int]) -> int:
    return sum(sizes[artifact.path.name] for artifact in record.artifacts)


def _fields(record: RunRecord, sizes: dict[str, int]) -> dict[str, object]:
    told = record.model_dump(mode="json", exclude={"settings", "artifacts", "process"})
    return told | {"state": record.status, "bytes": _size(record, sizes)}


def _table(records: list[RunRecord], sizes: dict[str, int]) -> Table:
    table = Table(box=None, padding=(0, 2, 1, 0), header_style="bold")
    table.add_column("Run", overflow="fold")
    table.add_column("State, start (UTC)", no_wrap=True)
    table.add_column("Found on the held-out test", overflow="fold")
    for record in records:
        table.add_row(_what(record), _how(record, sizes), _found(record))
    return table


def _what(record: RunRecord) -> Text:
    lines = [f"{record.recipe} on {record.data}"]
    lines += [f"--set {field}={value}" for field, value in record.changes.items()]
    return Text.assemble((record.id, "bold"), ("\n" + "\n".join(lines), "dim"))


def _how(record: RunRecord, sizes: dict[str, int]) -> Text:
    status = record.status
    parts = []
    if record.ended or status == "running":
        took = (record.ended or datetime.now(UTC)) - record.started
        parts.append(duration(took.total_seconds()))
    if size := _size(record, sizes):
        parts.append(megabytes(size))
    return Text.assemble(
        (status, COLOURS[status]),
        f"\n{record.started.astimezone(UTC):%Y-%m-%d %H:%M}\n",
        (", ".join(parts), "dim"),
    )


def _found(record: RunRecord) -> Text:
    found = record.figures
    if found is None:
        return Text(record.error or "", "red")
    return Text(
        f"{found.model}\nAUC {found.auc:.3f} ({found.auc_low:.3f} to {found.auc_high:.3f})\n"
        f"threshold {found.threshold:.3f}"
    )


def _total(records: list[RunRecord], sizes: dict[str, int]) -> str:
    runs = f"{len(records):,} run{'s' if len(records) > 1 else ''}"
    size = megabytes(sum(sizes.values()))
    return f"[dim]{runs}, {size} in all: what they share is stored once.[/dim]"
