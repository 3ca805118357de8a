"""Validation in this process, as `pcam validate` does it."""

from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from deployments.embedded_prefect import embed_prefect, wait_for_server
from pcam_core.artifact import Artifact
from pcam_core.errors import InputError
from pcam_core.stages.validation import PAGE
from pcam_core.validation.check import Check, read_checks
from pcam_core.validation.suspects import FILE, REASONS, read_suspects, verdicts
from pcam_core.writable import check_writable

_SHOWN = 5
_STYLES = {"error": "bold red", "warning": "yellow"}


def run_validation(
    data: list[str],
    recipe: str,
    out: Path,
    changes: dict[str, Any],
    data_docs: Path | None,
    *,
    as_json: bool,
) -> None:
    """Run the flow, or find that it has run, and show what it found.

    Raises:
        InputError: The data, the recipe or a folder is wrong; what was found has been shown.
    """
    check_writable(out)
    if data_docs:
        check_writable(data_docs)
    embed_prefect(out / "prefect")
    from deployments.foreground import in_foreground
    from flows.bad_items import all_bad_items_in
    from flows.request import ValidateRequest
    from flows.validate import Findings, findings, validate
    from pcam_core.stages.validation import TABLE, insist

    request = ValidateRequest(data=data, recipe=recipe, out=out, changes=changes)
    console = Console(stderr=True)

    def work() -> Findings:
        found = findings(request)
        if found:
            return found
        wait_for_server()
        try:
            return validate(request)
        except InputError:
            found = findings(request)
            if found is None:
                raise
            return found

    found = in_foreground(work, lambda: None, out / "native.log", console)
    if data_docs:
        _write_data_docs(request, found, data_docs)
    folder = found.validation.path
    if as_json:
        print((folder / TABLE).read_text(encoding="utf-8"))
    else:
        show(found.gate, found.validation, Console())
    with all_bad_items_in(out):
        insist(found.validation)


def show(gate: Artifact, validation: Artifact, console: Console) -> None:
    """Print the checks, the first suspects of every reason, and the verdict."""
    table = Table("", "expected that", "observed", "of", box=SIMPLE_HEAD)
    checks = read_checks(gate.path)
    for check in sorted(checks, key=lambda check: (check.passed, check.severity)):
        table.add_row(_result(check), *map(escape, (check.meaning, check.observed, check.about)))
    console.print(table)
    suspects = read_suspects(gate.path)
    for reason, meaning in REASONS.items():
        found = suspects[suspects["reason"] == reason]
        if not len(found):
            continue
        heading = f"{len(found):,} {reason}, {verdicts(found)}"
        console.print(f"[bold]{heading}.[/bold] [dim]{escape(meaning)}[/dim]")
        for row in found.head(_SHOWN).itertuples():
            name = escape(f"{row.part}/{row.id}")
            console.print(f"  {name}  {escape(str(row.detail))}", soft_wrap=True, highlight=False)
        if len(found) > _SHOWN:
            console.print(f"  ... and {len(found) - _SHOWN:,} more")
    if len(suspects):
        console.print(f"\n[bold]All[/bold]   {escape(str(validation.path / FILE))}", soft_wrap=True)
    console.print(f"[bold]Page[/bold]  {escape(str(validation.path / PAGE))}", soft_wrap=True)
    console.print(f"[bold]{escape(validation.figures['headline'])}[/bold]", soft_wrap=True)


def _result(check: Check) -> str:
    if check.passed:
        return "[green]pass[/green]"
    return f"[{_STYLES[check.severity]}]{check.severity}[/{_STYLES[check.severity]}]"


def _write_data_docs(request: Any, found: Any, folder: Path) -> None:
    from pcam_core.datasets.opening import open_dataset
    from pcam_core.stages.gate import suites
    from pcam_core.stages.labels import label_suites
    from pcam_core.validation.data_docs import write_data_docs

    data = open_dataset(request.data, request.cache)
    of_patches = suites(data, found.labels, found.gate, request.load().gate)
    write_data_docs([*label_suites(data.tables()), *of_patches], folder)
