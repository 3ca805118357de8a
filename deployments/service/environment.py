"""What the processes of the service are told."""

import os
from ipaddress import ip_address
from urllib.parse import urlsplit, urlunsplit

from deployments.prefect_settings import SETTINGS
from deployments.service.home import Addresses, Home
from pcam_core.errors import InputError

AUTH = "PREFECT_SERVER_API_AUTH_STRING"
CLIENT_AUTH = "PREFECT_API_AUTH_STRING"
MARK = "PCAM_SERVICE"
"""Names, in every process of a service, the service's home: whose children they are."""

LOOPBACK = "127.0.0.1"


def check_protection(host: str) -> None:
    """Refuse to serve other machines without a password.

    Raises:
        InputError: `host` is reached from outside and no password is set, or it is none.
    """
    auth = os.environ.get(AUTH)
    if auth is not None and not all(auth.partition(":")):
        raise InputError(
            f"{AUTH} is no user:password.", f"Set it to user:password, or unset {AUTH}."
        )
    if auth is None and not _is_loopback(host):
        raise InputError(
            f"A server at {host} can be reached from other machines, and has no password.",
            f"Set {AUTH}=user:password, or leave --host out.",
        )


def addresses(host: str, port: int, mlflow_port: int, workers: list[str]) -> Addresses:
    """Return where the service will be found from this machine."""
    here = LOOPBACK if host in {"0.0.0.0", "::", ""} else host  # noqa: S104 - compared, not bound
    prefect = f"http://[{here}]:{port}" if ":" in here else f"http://{here}:{port}"
    mlflow = f"http://{LOOPBACK}:{mlflow_port}"
    if not starts_mlflow():
        mlflow = without_credentials(os.environ["MLFLOW_TRACKING_URI"]).rstrip("/")
    return Addresses(prefect=prefect, mlflow=mlflow, workers=workers)


def environment(home: Home, found: Addresses) -> dict[str, str]:
    """Return the environment of all processes of the service; what the user has set wins.

    Databases and stores come from the usual variables: PREFECT_API_DATABASE_CONNECTION_URL,
    MLFLOW_TRACKING_URI (a server or a database), MLFLOW_ARTIFACTS_DESTINATION, PCAM_OBJECT_STORE,
    PCAM_NEW_DATA.
    """
    tracking = os.environ.get("MLFLOW_TRACKING_URI")
    chosen = SETTINGS | {
        "MLFLOW_BACKEND_STORE_URI": tracking or f"sqlite:///{home.mlflow / 'mlflow.db'}",
        "MLFLOW_ARTIFACTS_DESTINATION": str(home.mlflow / "artifacts"),
        "PCAM_NEW_DATA": str(home.root / "new-data"),
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        # A page of another site that the user's browser shows must not command the server.
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": found.prefect,
        # As the browser sees it, which may be on another machine.
        "PREFECT_SERVER_UI_API_URL": "/api",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    }
    fixed = {
        MARK: str(home.root),
        "PCAM_HOME": str(home.root),
        "PREFECT_HOME": str(home.prefect),
        "PREFECT_API_URL": found.api,
    }
    if starts_mlflow():
        fixed["MLFLOW_TRACKING_URI"] = found.mlflow
    if auth := os.environ.get(AUTH):
        fixed[CLIENT_AUTH] = auth
    return chosen | dict(os.environ) | fixed


def without_credentials(address: str) -> str:
    """Return an address as it may be shown."""
    parts = urlsplit(address)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def starts_mlflow() -> bool:
    """Return whether the service brings its own MLflow server: none is set."""
    return not os.environ.get("MLFLOW_TRACKING_URI", "").startswith(("http://", "https://"))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
