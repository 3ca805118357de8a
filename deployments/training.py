"""Training in this process, as `pcam train` and `pcam demo` do it."""

import json
from pathlib import Path
from typing import Any

from rich.console import Console

from deployments.embedded_prefect import embed_prefect


def run_training(
    data: Path,
    recipe: str,
    out: Path,
    store: str | None,
    changes: dict[str, Any],
    *,
    as_json: bool,
) -> None:
    """Run the flow, or find that it has run, and say what it found.

    Raises:
        InputError: The data, the recipe, the folder or the object store is wrong.
    """
    embed_prefect(out / "prefect")
    from deployments.summary import summary, tell
    from deployments.terminal import log_on_terminal, progress_on_terminal
    from flows.request import TrainRequest
    from flows.train import finished, train

    request = TrainRequest(data=data, recipe=recipe, out=out, store=store, changes=changes)
    console = Console(stderr=True)
    with log_on_terminal(console), progress_on_terminal(console):
        products = finished(request)
        if products:
            console.print("Everything is done already; nothing was computed.")
        else:
            products = train(request)
    found = summary(products)
    if as_json:
        print(json.dumps(found, indent=2))
    else:
        tell(found, Console())
