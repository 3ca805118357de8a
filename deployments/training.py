"""Training in this process, as `pcam train` and `pcam demo` do it."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.console import Console

from deployments.embedded_prefect import embed_prefect, wait_for_server
from pcam_core.writable import check_writable


def run_training(
    data: list[str],
    recipe: str,
    out: Path,
    store: str | None,
    changes: dict[str, Any],
    *,
    as_json: bool,
    dask: str | None = None,
) -> None:
    """Run the flow, or find that it has run, and say what it found.

    Raises:
        InputError: The data, the recipe, the folder or the object store is wrong.
    """
    check_writable(out)
    embed_prefect(out / "prefect")
    from deployments.foreground import in_foreground
    from deployments.prefect_history import tell_crashed
    from deployments.summary import summary, tell
    from flows.pipeline import Products
    from flows.request import TrainRequest
    from flows.train import finished, train
    from pcam_core.runs.history import RunHistory
    from pcam_core.runs.recorder import bury, stop_recordings
    from tasks.mlflow_connection import mlflow_client, tracking_uri

    request = TrainRequest(
        data=data, recipe=recipe, out=out, store=store, changes=changes, dask=dask
    )
    console = Console(stderr=True)

    def work() -> Products:
        products = finished(request)
        if products:
            console.print("Everything is done already; nothing was computed.")
            return products
        with suppress(Exception):  # the run will say what is wrong, and go on
            mlflow_client(tracking_uri(out))  # takes seconds, which the server takes too
        wait_for_server()
        tell_crashed(bury(RunHistory(out)))
        return train(request)

    def farewell() -> None:
        tell_crashed(stop_recordings(RunHistory(out)))

    products = in_foreground(work, farewell, out / "native.log", console)
    found = summary(products)
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        tell(found, Console())
