"""Progress as a Prefect artifact and in the run's log."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from pcam_core.progress import Progress, listening, sentence

logger = logging.getLogger(__name__)
_LOG_EVERY = 30.0


@contextmanager
def shown_in_prefect(key: str) -> Iterator[None]:
    """Show the progress of the work inside the block on the page of the current task run."""
    artifact = None
    logged = time.monotonic()

    def show(progress: Progress) -> None:
        nonlocal artifact, logged
        percent = 100 * progress.done / max(progress.total, 1)
        if artifact is None:
            artifact = create_progress_artifact(percent, key=key, description=progress.what)
        else:
            update_progress_artifact(artifact, percent, description=sentence(progress))
        if time.monotonic() - logged >= _LOG_EVERY:
            logged = time.monotonic()
            logger.info(sentence(progress))

    with listening(show):
        yield
