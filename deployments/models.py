"""The registered networks as a table."""

import json
from dataclasses import asdict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pcam_core.models.catalogue import CATALOGUE, Entry


def show_models(*, as_json: bool) -> None:
    """Print every network with its parameters, input and possible start weights."""
    if as_json:
        print(json.dumps([asdict(entry) for entry in CATALOGUE], indent=2))
        return
    console = Console()
    console.print(_table())
    console.print(
        "[dim]Trained: of all, and of the head alone while the backbone is frozen"
        " (network.trained_blocks = 0). Input: the side it was made for, RGB;"
        " network.image_size sets another.[/dim]",
        highlight=False,
    )


def _table() -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("Model", min_width=24, overflow="fold")
    for name in ("Parameters", "Trained", "Input"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Weights", no_wrap=True)
    for entry in CATALOGUE:
        trained = f"{entry.trainable:,}"
        if entry.trainable_head:
            trained += f"\n{entry.trainable_head:,}"
        side = f"{entry.image_size} px"
        weights = ", ".join(entry.weights)
        table.add_row(_what(entry), f"{entry.parameters:,}", trained, side, weights)
    return table


def _what(entry: Entry) -> Text:
    lines = [entry.summary, *([entry.paper.removeprefix("https://")] if entry.paper else [])]
    return Text.assemble((entry.name, "bold"), ("\n" + "\n".join(lines), "dim"))
