"""Deploying to a Prefect server that others started, as one in a container."""

import os
from pathlib import Path

from deployments.answering import answers
from deployments.service.connection import connect
from deployments.service.home import Home
from pcam_core.credentials import without_credentials
from pcam_core.errors import InputError

_NEEDED = ("PREFECT_API_URL", "PCAM_HOME", "PCAM_NEW_DATA")


def deploy_elsewhere(cards: int) -> None:
    """Bring the server at PREFECT_API_URL to what this release ships; see `deploy`.

    A work pool that is there already keeps its type and its job template.

    Args:
        cards: How many runs may train at once.

    Raises:
        InputError: A variable is missing, no server answers, or it refuses a deployment.
    """
    for name in _NEEDED:
        if not os.environ.get(name):
            raise InputError(f"{name} is not set.", "See deployments/containers/README.md.")
    api = connect(Home(Path(os.environ["PCAM_HOME"]))) or ""
    if not answers(f"{api}/health"):
        raise InputError(
            f"No server answers at {without_credentials(api)}.", "Correct PREFECT_API_URL."
        )
    from prefect.client.orchestration import get_client
    from prefect.exceptions import PrefectHTTPStatusError

    from deployments.service.deploying import deploy

    with get_client(sync_client=True) as client:
        try:
            deploy(client, cards)
        except PrefectHTTPStatusError as error:
            if error.response.status_code != 401:
                raise
            raise InputError(
                "The server wants a password.", "Set PREFECT_API_AUTH_STRING to user:password."
            ) from error
