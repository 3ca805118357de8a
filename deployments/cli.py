"""The `pcam` command."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

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

Out = Annotated[
    Path,
    typer.Option(help="Folder of artifacts, embedded database and default object store."),
]
Store = Annotated[
    str | None,
    typer.Option(
        envvar="PCAM_OBJECT_STORE",
        help="Where products are uploaded: s3://bucket/prefix (any endpoint; boto3's usual"
        " variables) or a folder. Default: OUT/object-store.",
    ),
]
Data = Annotated[
    list[str],
    typer.Option(
        help="Where the patches are: a folder in Kaggle's layout (train_labels.csv,"
        " train/ID.tif, test/ID.tif), the competition's .zip, a folder of PCam's .h5 or .h5.gz"
        " files, s3://bucket/prefix with any of these, or synth:train=800,test=160,seed=42. Give"
        " it several times for the union. A slide map (patch_id_wsi_full.csv) keeps slides on one"
        " side of every split; without one, overlapping patches are found by their pixels."
    ),
]
Home = Annotated[Path, typer.Option(help="Folder of the service's databases, logs and runs.")]
Runs = Annotated[
    Path | None,
    typer.Option(
        help="Folder of the runs and their registry. Default: those of the service in --home, or"
        " pcam-runs where there is none. MLFLOW_TRACKING_URI names another registry.",
        show_default=False,
    ),
]
Changes = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="SECTION.FIELD=VALUE",
        help="Change a field of the recipe; may be repeated.",
    ),
]
_RUN = "Its id, the beginning of one, or `latest`."
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

_RESUMES = ("run", "Finished stages are kept: the same command goes on after them.")
_DEMO_PATCHES = {"train": 800, "test": 160, "seed": 42}


@app.command()
def demo(out: Out = Path("pcam-runs"), store: Store = None, as_json: AsJson = False) -> None:
    """Run everything on generated patches, on a CPU, in a few minutes.

    A second call finds all results and returns at once.
    """
    from deployments.training import run_training
    from pcam_core.synth import write_dataset

    with _explained(*_RESUMES):
        data = out / "demo-data"
        write_dataset(data, **_DEMO_PATCHES)
        run_training([str(data)], "demo", out, store, {}, as_json=as_json)


@app.command()
def train(
    data: Data,
    recipe: Annotated[
        str, typer.Option(help="demo, notebook, context, or the path of a .toml file.")
    ] = "notebook",
    out: Out = Path("pcam-runs"),
    store: Store = None,
    changes: Changes = None,
    dask: Annotated[
        str | None,
        typer.Option(
            envvar="PCAM_DASK",
            metavar="tcp://HOST:8786",
            help="Dask scheduler whose workers share the preparation of patches and the folds of"
            " comparison and cross-validation; they see --data and --out at the same paths."
            " Default: this machine, with all its GPUs.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Train, measure and report a classifier of the patches in a folder.

    Stages that are done already are taken from --out, also after a crash: give the same
    command again and it goes on.

    Example: `pcam train --recipe context --data kaggle --set final.training.epochs=5`
    """
    from deployments.training import run_training
    from pcam_core.recipe import parse_changes

    with _explained(*_RESUMES):
        fields = parse_changes(changes or [])
        run_training(data, recipe, out, store, fields, as_json=as_json, dask=dask)


@app.command()
def validate(
    data: Data,
    recipe: Annotated[
        str, typer.Option(help="Whose section \\[gate] counts: a shipped recipe or a .toml file.")
    ] = "notebook",
    out: Out = Path("pcam-runs"),
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="gate.FIELD=VALUE", help="Change what is expected; may be repeated."
        ),
    ] = None,
    data_docs: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write Great Expectations' Data Docs there too. Their pages fetch their style"
            " from the network; validation.html loads nothing.",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check labels and patches as training does first, and show what is wrong or odd.

    Writes a page with every kind of rejected or suspicious patch, a table of all of them and
    JSON. Training takes over what was checked. Exit code 2 if something would stop it.

    Example: `pcam validate --data kaggle --set gate.max_unreadable_share=0`
    """
    from deployments.validation import run_validation
    from pcam_core.recipe import parse_changes

    with _explained(*_RESUMES):
        fields = parse_changes(changes or [])
        run_validation(data, recipe, out, fields, data_docs, as_json=as_json)


@app.command()
def synth(
    out: Annotated[Path, typer.Argument(help="New folder.")],
    train: Annotated[int, typer.Option(min=1, help="Labelled patches.")] = 1000,
    test: Annotated[int, typer.Option(min=1, help="Unlabelled patches.")] = 200,
    seed: Annotated[int, typer.Option(min=0, help="Equal seeds give equal patches.")] = 42,
) -> None:
    """Write generated H&E-like patches in Kaggle's layout.

    A patch is positive if and only if tumour touches its centre 32x32 pixels, as in PCam.
    """
    from rich.console import Console

    from deployments.terminal import progress_on_terminal
    from pcam_core.synth import write_dataset

    with _explained(), progress_on_terminal(Console(stderr=True)):
        write_dataset(out, train=train, test=test, seed=seed)
        typer.echo(f"{train:,} labelled and {test:,} unlabelled patches in {out}")


@app.command()
def fetch(
    source: Annotated[
        Literal["kaggle", "pcam", "weights"],
        typer.Option(
            help="kaggle: *Histopathologic Cancer Detection* (16 GB while it unpacks, 8 GB in the"
            " end), with your Kaggle account. pcam: the nine files of PatchCamelyon (8 GB)."
            " weights: ESRGAN's and ImageNet's, for machines without a connection."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Where it goes: a new folder, or one to go on with.")],
) -> None:
    """Download public data or weights: complete and checked, or not at all.

    Interrupted? Give the same command again and it goes on where it stopped; where everything is
    there it returns at once. Licences are shown.

    Kaggle wants a token (https://www.kaggle.com/settings/api) in KAGGLE_API_TOKEN or
    ~/.kaggle/access_token, or a legacy kaggle.json, and the competition's rules accepted once.

    Example: `pcam fetch --source pcam --out pcam-data`, then `pcam train --data pcam-data`
    """
    from deployments.fetching import fetch_source

    with _explained():
        fetch_source(source, out)


@app.command()
def doctor(out: Out = Path("pcam-runs"), store: Store = None, as_json: AsJson = False) -> None:
    """Report what this machine offers: versions, GPUs, precision, XLA, disk, services.

    Exit code 1 if something is in the way of a run.
    """
    from deployments.diagnosis import show
    from pcam_core.doctor import examine

    with _explained():
        diagnosis = examine(out, store)
        typer.echo(diagnosis.model_dump_json(indent=2)) if as_json else show(diagnosis)
        if not diagnosis.healthy:
            raise typer.Exit(1)


@app.command()
def models(as_json: AsJson = False) -> None:
    """List the networks that can be trained: parameters, input, start weights and paper."""
    from deployments.models import show_models

    with _explained():
        show_models(as_json=as_json)


@app.command()
def explain(
    model: Annotated[
        str,
        typer.Option(
            metavar="FILE|RUN",
            help="A .keras file, or a run in --runs: its id, the beginning of one, or `latest`.",
        ),
    ],
    input_: Annotated[
        list[Path],
        typer.Option(
            "--input",
            metavar="FILES",
            help="Patches of 96x96 pixels, TIFF or PNG, or a folder of them.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for explanation.html and explanation.csv.")],
    more: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILES]...", help="More patches.")
    ] = None,
    runs: Annotated[Path, typer.Option(help="Folder of the runs.")] = Path("pcam-runs"),
) -> None:
    """Show what speaks for tumour in some patches: Grad-CAM and integrated gradients.

    A model file that takes other than raw patches needs the model.json of its run beside it. Maps
    show what the model looks at, not why it is right.

    Example: `pcam explain --model latest --out why --input patches/*.tif`
    """
    from deployments.explaining import explain_files

    with _explained():
        explain_files(model, [*input_, *(more or [])], out, runs)


@app.command()
def score(
    input_: Annotated[
        list[str],
        typer.Option(
            "--input",
            metavar="DIR|s3://...",
            help="Patches of 96x96 pixels, TIFF or PNG, at any depth; may be repeated.",
        ),
    ],
    out: Annotated[
        str,
        typer.Option(
            metavar="DIR|s3://...", help="Where predictions go; what stands there is not repeated."
        ),
    ],
    model: Annotated[
        str,
        typer.Option(
            metavar="champion|FILE",
            help="`champion` of the registry, or a .keras file or its folder, also s3://, with"
            " model.json and model.npz of its run beside it.",
        ),
    ] = "champion",
    drift_warn: Annotated[
        float,
        typer.Option(help="Population stability index from which on a shift is reported."),
    ] = 0.25,
    drift_stop: Annotated[
        float, typer.Option(help="Index from which on nothing of a batch is published.")
    ] = 2.0,
    unlike_stop: Annotated[
        float,
        typer.Option(
            help="Share of patches unlike anything seen above which nothing is either; above it, or"
            " 0.05 if that is less, it is reported."
        ),
    ] = 0.5,
    runs: Runs = None,
    home: Home = Path("pcam-service"),
    as_json: AsJson = False,
) -> None:
    """Predict the patches that are new since the last time, each exactly once.

    Each batch of up to 16,384 patches leaves, in a folder of its own below --out, predictions.csv
    (id, probability, calibrated_probability, prediction, ...), drift.html and drift.json, and last
    manifests/NUMBER.json with checksums: what no manifest names does not count. Kill it, and give
    the same command again. A patch is known by name and content: one that has changed is scored
    again, one that another model has scored is not, unless --out is another.

    Two runs at once share the work. Where the object store knows no conditional PUT (OpenStack
    Swift does not) let one end before the next begins: two batches could take the same number, and
    the patches of the one that loses it are scored again. The service's own runs queue.

    A patch unlike anything seen in training is flagged "abstained" and has no prediction; a file
    that is no patch is flagged "rejected" with the reason. What cannot be read, and files that only
    their endings tell apart, are named and looked at again the next time.

    If brightness, stains, edges or probabilities of a batch have shifted, or many patches are
    unlike, that is reported; if too far, the batch is not published: the others are, and then a
    message names the reports to look at (exit code 2).

    Example: `pcam score --input s3://bucket/incoming --out s3://bucket/scores`
    """
    from deployments.scoring import run_scoring
    from deployments.service.connection import find_runs
    from deployments.service.home import Home as Service

    with _explained(*_RESUMES):
        drift = {"warn": drift_warn, "stop": drift_stop, "stop_unlike": unlike_stop}
        found = find_runs(Service(home.absolute()), runs)
        run_scoring(input_, model, out, found, drift, as_json=as_json)


@app.command()
def runs(out: Out = Path("pcam-runs"), as_json: AsJson = False) -> None:
    """List the runs in a folder, newest first: state, data, figures and size.

    A run is running, done, failed (with the reason), stopped (Ctrl-C or SIGTERM) or killed (its
    process is gone without a word). A run on another machine counts as running until it says
    otherwise. The size is that of every artifact that a run uses, shared ones included.

    `pcam compare` shows what differs between two of them; `pcam prune` removes old ones.
    """
    from deployments.run_table import show_runs

    with _explained():
        show_runs(out, as_json=as_json)


@app.command()
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

    with _explained():
        show_differences(out, first, second, as_json=as_json)


@app.command()
def rollback(home: Home = Path("pcam-service"), out: Runs = None, as_json: AsJson = False) -> None:
    """Put the champion before the present one back into service, in one step.

    May be repeated, one champion further back each time. What was taken out of service is not
    promoted again. The service need not run.
    """
    from deployments.rolling_back import run_rollback
    from deployments.service.connection import find_runs
    from deployments.service.home import Home as Service

    with _explained():
        run_rollback(find_runs(Service(home.absolute()), out), as_json=as_json)


@app.command()
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
    go when no process works on them. Raw data and object storage are never touched.

    Example: `pcam prune --keep 5 --dry-run`
    """
    from deployments.pruning import prune_runs

    with _explained():
        prune_runs(out, keep, dry_run=dry_run)


@app.command()
def up(
    home: Home = Path("pcam-service"),
    host: Annotated[
        str,
        typer.Option(
            help="Where Prefect listens. Other machines reach it only with a password, from"
            " PREFECT_SERVER_API_AUTH_STRING=user:password."
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port of Prefect.")] = 4200,
    mlflow_port: Annotated[
        int, typer.Option(min=1, max=65535, help="Port of MLflow, which only this machine reaches.")
    ] = 5000,
) -> None:
    """Start the service: Prefect's server, a worker for each GPU, deployments, and MLflow.

    Prints the addresses when all answer, and stops all of it on Ctrl-C or SIGTERM; where it runs
    already, it says so. Databases and stores are in --home unless
    PREFECT_API_DATABASE_CONNECTION_URL, MLFLOW_TRACKING_URI and PCAM_OBJECT_STORE say otherwise;
    notifications go to PCAM_WEBHOOK.
    """
    from deployments.service.up import up as start

    with _explained():
        start(home, host, port, mlflow_port)


@app.command()
def deploy(
    cards: Annotated[int, typer.Option(min=1, help="How many runs may train at once.")] = 1,
) -> None:
    """Bring a Prefect server that others started to what this release ships.

    At PREFECT_API_URL: the work pool (of processes, unless one of another type is there), the limit
    of runs that train, deployments and automations. PCAM_HOME names the folder that all workers
    mount, PCAM_NEW_DATA what the weekly retraining takes. `pcam up` does the same by itself.
    """
    from deployments.service.elsewhere import deploy_elsewhere

    with _explained():
        deploy_elsewhere(cards)


@app.command()
def status(home: Home = Path("pcam-service"), as_json: AsJson = False) -> None:
    """Tell what of the service is up, what runs, what is scheduled, and who is champion.

    PREFECT_API_URL, where set, names a service elsewhere. Exit code 1 unless all is up.
    """
    from deployments.service.status import show_status

    with _explained():
        if not show_status(home, as_json=as_json):
            raise typer.Exit(1)


@app.command()
def trigger(
    deployment: Annotated[str, typer.Argument(help="train, retrain, score, validate or explore.")],
    data: Data,
    recipe: Annotated[
        str | None, typer.Option(help="demo, notebook, context, or the path of a .toml file.")
    ] = None,
    changes: Changes = None,
    model: Annotated[
        str | None,
        typer.Option(metavar="champion|FILE", help="Of score: what predicts; see `pcam score`."),
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(metavar="DIR|s3://...", help="Of score: where predictions go."),
    ] = None,
    without_earlier: Annotated[
        bool,
        typer.Option(
            "--without-earlier",
            help="Of retrain: leave out the data that earlier retrainings were given; --data must"
            " then hold the hold-out.",
        ),
    ] = False,
    idempotency_key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="A request with a key that was seen starts no new run."),
    ] = None,
    home: Home = Path("pcam-service"),
    as_json: AsJson = False,
) -> None:
    """Start a run in the service and follow its progress and log to its end.

    Ctrl-C ends the following, not the run. Exit code 0 if the run was completed, 1 if not, 2 if
    the request was refused. PREFECT_API_URL, where set, names a service elsewhere.

    Example: `pcam trigger train --data s3://bucket/new --set final.training.epochs=5`
    """
    from deployments.service.trigger import run_deployment
    from pcam_core.recipe import parse_changes

    with _explained():
        request = {
            "data": data,
            "recipe": recipe,
            "changes": parse_changes(changes or []),
            "model": model,
            "to": to,
            "with_earlier": False if without_earlier else None,
        }
        completed = run_deployment(home, deployment, request, idempotency_key, as_json=as_json)
        if not completed:
            raise typer.Exit(1)


@contextmanager
def _explained(what: str = "command", kept: str = "") -> Iterator[None]:
    """Turn errors into one message and an exit code: 2 for the user's input, 1 for the rest.

    SIGTERM ends a command as Ctrl-C does.

    Args:
        what: What fails where it does.
        kept: What then is not lost.
    """
    from pcam_core.errors import InputError
    from pcam_core.storage_fault import storage_fault

    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except InputError as error:
        typer.secho(f"Error: {error.problem}", err=True, fg="red")
        typer.secho(error.remedy, err=True)
        raise typer.Exit(2) from error
    except typer.Exit:
        raise
    except KeyboardInterrupt as interrupt:
        typer.echo("\nStopped. Give the same command again to go on where it stopped.", err=True)
        raise typer.Exit(1) from interrupt
    except Exception as error:  # the last frame of the program
        problem, remedy = storage_fault(error) or (f"{type(error).__name__}: {error}", "")
        typer.secho(f"The {what} failed: {problem}", err=True, fg="red")
        typer.echo(f"{remedy} {kept}".strip(), err=True)
        raise typer.Exit(1) from error


if __name__ == "__main__":
    sys.exit(app())
