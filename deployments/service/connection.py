"""Finding a service from the shell."""

import os

from deployments.prefect_settings import SETTINGS
from deployments.service.environment import AUTH, CLIENT_AUTH
from deployments.service.home import Home


def connect(home: Home) -> str | None:
    """Point Prefect's client to the service; call it before Prefect is imported.

    Returns:
        Address of Prefect's API: PREFECT_API_URL where it is set, else that of the service in
        `home`; None if there is none.
    """
    told = home.told()
    address = os.environ.get("PREFECT_API_URL") or (told.api if told else None)
    if address is None:
        return None
    os.environ["PREFECT_API_URL"] = address
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    if auth := os.environ.get(AUTH):
        os.environ.setdefault(CLIENT_AUTH, auth)
    return address
