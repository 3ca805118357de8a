"""Open the data, wherever it lies."""

from collections.abc import Sequence
from pathlib import Path

from prefect import task
from prefect.cache_policies import NO_CACHE

from pcam_core.datasets.dataset import Dataset
from pcam_core.datasets.opening import open_dataset
from tasks.progress import shown_in_prefect
from tasks.transient import PATIENCE


@task(
    name="open data",
    task_run_name="open data",
    # Whether the data has changed is what this asks.
    cache_policy=NO_CACHE,
    persist_result=False,
    **PATIENCE,
)
def open_data(addresses: Sequence[str], cache: Path) -> Dataset:
    """Open a data set, or the union of several; see `open_dataset`."""
    with shown_in_prefect("open-data-progress"):
        return open_dataset(addresses, cache)
