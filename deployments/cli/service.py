"""The service and what it does."""

from pathlib import Path
from typing import Annotated

import typer

from deployments.cli.failures import RESUMES, explained
from deployments.cli.options import AsJson, Changes, Data, Home, Runs


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

    with explained():
        start(home, host, port, mlflow_port)


def status(home: Home = Path("pcam-service"), as_json: AsJson = False) -> None:
    """Tell what of the service is up, what runs, what is scheduled, and who is champion.

    PREFECT_API_URL, where set, names a service elsewhere. Exit code 1 unless all is up.
    """
    from deployments.service.status import show_status

    with explained():
        if not show_status(home, as_json=as_json):
            raise typer.Exit(1)


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
    from pcam_core.recipe_changes import parse_changes

    with explained():
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

    with explained(*RESUMES):
        drift = {"warn": drift_warn, "stop": drift_stop, "stop_unlike": unlike_stop}
        found = find_runs(Service(home.absolute()), runs)
        run_scoring(input_, model, out, found, drift, as_json=as_json)


def rollback(home: Home = Path("pcam-service"), out: Runs = None, as_json: AsJson = False) -> None:
    """Put the champion before the present one back into service, in one step.

    May be repeated, one champion further back each time. What was taken out of service is not
    promoted again. The service need not run.
    """
    from deployments.rolling_back import run_rollback
    from deployments.service.connection import find_runs
    from deployments.service.home import Home as Service

    with explained():
        run_rollback(find_runs(Service(home.absolute()), out), as_json=as_json)


def deploy(
    cards: Annotated[int, typer.Option(min=1, help="How many runs may train at once.")] = 1,
) -> None:
    """Bring a Prefect server that others started to what this release ships.

    At PREFECT_API_URL: the work pool (of processes, unless one of another type is there), the limit
    of runs that train, deployments and automations. PCAM_HOME names the folder that all workers
    mount, PCAM_NEW_DATA what the weekly retraining takes. `pcam up` does the same by itself.
    """
    from deployments.service.elsewhere import deploy_elsewhere

    with explained():
        deploy_elsewhere(cards)
