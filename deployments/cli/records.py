"""What has been run, and on what machine."""

from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.failures import explained
from deployments.cli.options import AsJson, Out, Store

_RUN = "Its id, the beginning of one, or `latest`."


def runs(out: Out = Path("pcam-runs"), as_json: AsJson = False) -> None:
    """List the runs in a folder, newest first: state, data, figures and size.

    A run is running, done, failed (with the reason), stopped (Ctrl-C or SIGTERM) or killed (its
    process is gone without a word). A run on another machine counts as running until it says
    otherwise. The size is that of every artifact that a run uses, shared ones included.

    `pcam compare` shows what differs between two of them; `pcam prune` removes old ones.
    """
    from deployments.run_table import show_runs

    with explained():
        show_runs(out, as_json=as_json)


def compare(
    first: Annotated[str, typer.Argument(metavar="RUN", help=_RUN)],
    second: Annotated[str, typer.Argument(metavar="RUN", help=_RUN)],
    out: Out = Path("pcam-runs"),
    as_json: AsJson = False,
) -> None:
    """Show what differs between two runs: figures, settings, data and stages.

    A stage that both runs share was computed once; one that differs had other settings, data or
    code, its own or those of a stage before it.

    Example: `pcam compare 20261123-1558 latest`
    """
    from deployments.run_differences import show_differences

    with explained():
        show_differences(out, first, second, as_json=as_json)


def prune(
    keep: Annotated[int, typer.Option(min=0, help="How many of the newest runs stay.")],
    out: Out = Path("pcam-runs"),
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and remove nothing.")
    ] = False,
) -> None:
    """Remove old runs and whatever no other run needs: artifacts, records, Prefect's history.

    The newest --keep runs stay, every run that is still running, and the newest that is done, so
    that failed ones cannot cost the last model; --keep 0 removes that too. Unfinished artifacts
    go when no process works on them, and cached data (mirrors of buckets, unpacked files) when
    nobody has opened it since the oldest run that stays, nor for a day. Raw data and object storage
    are never touched.

    Example: `pcam prune --keep 5 --dry-run`
    """
    from deployments.pruning import prune_runs

    with explained():
        prune_runs(out, keep, dry_run=dry_run)


def doctor(out: Out = Path("pcam-runs"), store: Store = None, as_json: AsJson = False) -> None:
    """Report what this machine offers: versions, GPUs, precision, XLA, disk, services.

    Exit code 1 if something is in the way of a run.
    """
    from deployments.diagnosis import show
    from pcam_core.doctor import examine

    with explained():
        diagnosis = examine(out, store)
        typer.echo(diagnosis.model_dump_json(indent=2)) if as_json else show(diagnosis)
        if not diagnosis.healthy:
            raise typer.Exit(1)
