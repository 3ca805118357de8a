"""Removing old runs, and telling what that frees."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from deployments.prefect_history import forget
from deployments.run_table import COLOURS
from pcam_core.runs.history import open_history
from pcam_core.runs.prune import Waste, find_waste, remove_waste
from pcam_core.runs.record import RunRecord
from pcam_core.units import megabytes

_SMALL = 100_000  # bytes: what is less gets no line of its own


def prune_runs(out: Path, keep: int, *, dry_run: bool) -> None:
    """Remove all but the newest runs and what they need; see `find_waste`.

    Raises:
        InputError: There is no such folder, a record is damaged, or Prefect's server refuses.
    """
    history = open_history(out)
    waste = find_waste(history, keep)
    if not dry_run:
        # History goes first: while a record is there, a prune that failed can be repeated.
        with Console(stderr=True).status("deleting the history of these runs in Prefect"):
            forget(waste.flow_runs, out / "prefect")
        waste = remove_waste(waste, history)
    console = Console(highlight=False)
    if not (waste.runs or waste.artifacts or waste.leftovers or waste.cached):
        console.print(f"There is nothing to remove. Runs kept: {len(waste.kept)}.")
        return
    console.print(_table(waste, dry_run))
    freed = megabytes(waste.bytes) if waste.bytes else "nothing"
    console.print(
        f"\nThis would free {freed}. Nothing was removed." if dry_run else f"\nFreed {freed}."
    )


def _table(waste: Waste, dry_run: bool) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(justify="right", no_wrap=True)
    table.add_row("[bold]Would remove[/bold]" if dry_run else "[bold]Removed[/bold]")
    _add(table, "runs", ((_run(record), "") for record in waste.runs))
    _add(table, "artifacts", _by_stage(waste.artifacts))
    _add(table, "unfinished", _by_stage(waste.leftovers))
    _add(table, "cached data", _entries(waste.cached))
    if waste.flow_runs:
        _add(table, "Prefect", [(Text(f"history of {len(waste.flow_runs):,} of these runs"), "")])
    if waste.kept:
        table.add_row()
        table.add_row("[bold]Would keep[/bold]" if dry_run else "[bold]Kept[/bold]")
    _add(table, "runs", ((_run(record), "") for record in waste.kept))
    return table


def _add(table: Table, name: str, rows: Iterable[tuple[Text, str]]) -> None:
    for number, row in enumerate(rows):
        table.add_row("" if number else f"  {name}", *row)


def _run(record: RunRecord) -> Text:
    return Text.assemble(record.id, "  ", (record.status, COLOURS[record.status]))


def _entries(cached: Mapping[Path, int]) -> Iterator[tuple[Text, str]]:
    for folder, size in cached.items():
        yield Text(f"{folder.parent.name}/{folder.name}"), f"{size / 1e6:,.1f} MB"


def _by_stage(folders: Mapping[Path, int]) -> Iterator[tuple[Text, str]]:
    sizes: dict[str, list[int]] = {}
    for folder, size in folders.items():
        sizes.setdefault(folder.name.rpartition("-")[0], []).append(size)
    small: list[str] = []
    rest = 0
    for stage, found in sorted(sizes.items(), key=lambda item: -sum(item[1])):
        name = f"{stage} ({len(found):,})" if len(found) > 1 else stage
        if sum(found) >= _SMALL:
            yield Text(name), f"{sum(found) / 1e6:,.1f} MB"
        else:
            small.append(name)
            rest += sum(found)
    if small:
        yield Text(", ".join(small)), f"{rest / 1e6:,.1f} MB"
