"""A diagnosis as a table."""

from rich.console import Console
from rich.table import Table

from pcam_core.doctor import Diagnosis

_COLOURS = {"ok": "green", "warning": "yellow", "problem": "red"}


def show(diagnosis: Diagnosis) -> None:
    """Print one line a check, with the remedy where something is not right."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for check in diagnosis.checks:
        colour = _COLOURS[check.state]
        value = check.value if not check.remedy else f"{check.value}\n[dim]{check.remedy}[/dim]"
        table.add_row(f"[{colour}]{check.state}[/{colour}]", f"[bold]{check.name}[/bold]", value)
    Console().print(table)
