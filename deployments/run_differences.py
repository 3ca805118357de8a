"""Two runs side by side."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deployments.run_table import COLOURS
from pcam_core.runs.comparison import Comparison, compare
from pcam_core.runs.history import open_history
from pcam_core.runs.record import KeyFigures, RunRecord

_KEY_DIGITS = 8
_SPLIT = "split"  # the stage that chooses the held-out patches
_ABSENT = "-"


def show_differences(out: Path, first: str, second: str, *, as_json: bool) -> None:
    """Print what differs between two runs.

    Raises:
        InputError: There is no such folder or run.
    """
    history = open_history(out)
    records = (history.find(first), history.find(second))
    found = compare(*records)
    if as_json:
        print(found.model_dump_json(indent=2))
        return
    console = Console(highlight=False)
    for name, record in zip("AB", records, strict=True):
        console.print(_heading(name, record))
    console.print()
    console.print(_values(found, records))
    console.print()
    console.print(_stages(found))
    if found.differences and _SPLIT in found.stages:
        console.print("\nThe splits differ: the figures may be measured on other patches.")


def _heading(name: str, record: RunRecord) -> Text:
    return Text.assemble(
        (f"{name}  {record.id}", "bold"),
        "  ",
        (record.status, COLOURS[record.status]),
        f"  {record.started:%Y-%m-%d %H:%M} UTC",
    )


def _values(found: Comparison, records: tuple[RunRecord, RunRecord]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("", "A", "B"):
        table.add_column(heading, overflow="fold")
    table.add_column("B - A", justify="right", no_wrap=True)

    _section(table, "Figures", "" if found.figures else "neither run found any")
    for row in _figures(found, records):
        table.add_row(*row)
    _section(table, "Settings", "" if found.settings else "the same")
    for field, pair in found.settings.items():
        table.add_row(f"  {field}", *map(_value, pair))
    _section(table, "Data", "" if found.data else f"the same: {records[0].data}")
    for field, pair in found.data.items():
        table.add_row(f"  {field}", *(_key(v) if field == "key" else _value(v) for v in pair))
    _section(table, "Versions", "" if found.versions else "the same")
    for library, pair in found.versions.items():
        table.add_row(f"  {library}", *map(_value, pair))
    return table


def _stages(found: Comparison) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_row(Text("Stages", "bold"))
    for name, stages in (
        ("shared", found.shared),
        ("different", found.stages),
        ("changed code", found.code),
    ):
        table.add_row(f"  {name}", ", ".join(stages) or "none")
    return table


def _section(table: Table, name: str, told: str) -> None:
    if table.row_count:
        table.add_row()
    table.add_row(Text(name, "bold"), Text(told))


def _figures(
    found: Comparison, records: tuple[RunRecord, RunRecord]
) -> Iterator[tuple[str, str, str, str]]:
    a, b = (record.figures for record in records)
    if a or b:
        yield "  model", a.model if a else _ABSENT, b.model if b else _ABSENT, ""
        yield "  AUC", _auc(a), _auc(b), _difference(found, "auc")
    for name in ("threshold", "precision", "recall") if a or b else ():
        first, second = (_ABSENT if v is None else f"{v:.3f}" for v in found.figures[name])
        yield f"  {name}", first, second, _difference(found, name)


def _auc(figures: KeyFigures | None) -> str:
    if figures is None:
        return _ABSENT
    return f"{figures.auc:.3f} ({figures.auc_low:.3f} to {figures.auc_high:.3f})"


def _difference(found: Comparison, name: str) -> str:
    difference = found.differences.get(name)
    return "" if difference is None else f"{difference:+.3f}" if difference else "0"


def _value(value: Any) -> Text:
    if value is None:
        return Text(_ABSENT)
    if isinstance(value, list):
        return Text(", ".join(map(str, value)) or "none")
    return Text(str(value))


def _key(key: str | None) -> Text:
    return Text(key[:_KEY_DIGITS] if key else _ABSENT)
