"""The `pcam` command."""

import typer

from deployments.cli.data import fetch, synth, validate
from deployments.cli.records import compare, doctor, prune, runs
from deployments.cli.service import deploy, rollback, score, status, trigger, up
from deployments.cli.training import demo, explain, models, train

__all__ = ["app"]

app = typer.Typer(
    name="pcam",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Turns a folder of PatchCamelyon-style patches into a trained, honestly measured cancer"
    " classifier.\n\nStart with `pcam demo`; then give `pcam train` a folder of your own. Exit"
    " codes: 0 done, 1 the run failed, 2 the input is wrong.",
)

_COMMANDS = {
    "Training": (demo, train, explain, models),
    "Data": (validate, synth, fetch),
    "Runs": (runs, compare, prune, doctor),
    "Service": (up, status, trigger, score, rollback, deploy),
}
for _panel, _commands in _COMMANDS.items():
    for _command in _commands:
        app.command(rich_help_panel=_panel)(_command)
