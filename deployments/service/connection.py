"""Finding a service from the shell."""

import os
from pathlib import Path

from deployments.answering import answers
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
    address = address.rstrip("/")
    os.environ["PREFECT_API_URL"] = address
    for name, value in SETTINGS.items():
        os.environ.setdefault(name, value)
    if auth := os.environ.get(AUTH):
        os.environ.setdefault(CLIENT_AUTH, auth)
    return address


def find_runs(home: Home, given: Path | None) -> Path:
    """Return a folder of runs, and point MLflow's client to their registry.

    MLFLOW_TRACKING_URI, where it is set, is the registry.

    Returns:
        `given`, whose registry lies in it; else the folder of the service in `home`, whose registry
        is its MLflow server or, while that is down, the server's database; "pcam-runs" where there
        is no service.
    """
    if given or not home.mlflow.is_dir():
        return given or Path("pcam-runs")
    told = home.told()
    is_up = told is not None and answers(f"{told.mlflow}/health")
    registry = told.mlflow if told and is_up else f"sqlite:///{home.mlflow / 'mlflow.db'}"
    os.environ.setdefault("MLFLOW_TRACKING_URI", registry)
    return home.runs
