"""What the processes of the service are told."""

import os
from ipaddress import ip_address

from deployments.prefect_settings import SETTINGS
from deployments.service.home import Addresses, Home
from pcam_core.credentials import without_credentials
from pcam_core.errors import InputError

AUTH = "PREFECT_SERVER_API_AUTH_STRING"
CLIENT_AUTH = "PREFECT_API_AUTH_STRING"
MARK = "PCAM_SERVICE"
"""Names, in every process of a service, the service's home: whose children they are."""
PART = "PCAM_SERVICE_PART"
"""Names, beside it, the process of the service that they come from."""

LOOPBACK = "127.0.0.1"

# What a shell has been told of other servers must not reach those of the service.
_FOREIGN = ("PREFECT_PROFILE", "PREFECT_API_KEY", "UVICORN_")
_MLFLOW = ("MLFLOW_", "_MLFLOW_")
_STORES = ("MLFLOW_ARTIFACTS_DESTINATION", "MLFLOW_S3_", "MLFLOW_SQLALCHEMYSTORE_")

# Two names of one setting.
_PREFECTS_DATABASE = (
    "PREFECT_API_DATABASE_CONNECTION_URL",
    "PREFECT_SERVER_DATABASE_CONNECTION_URL",
)
_PREFECTS_DRIVERS = ("postgresql+asyncpg://", "sqlite+aiosqlite://")

# The address to reach a server at that listens on all addresses.
_ANY = {"0.0.0.0": LOOPBACK, "": LOOPBACK, "::": "::1"}  # noqa: S104 - compared, not bound


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


def check_database() -> None:
    """Refuse a database for Prefect or MLflow that no installed driver reaches.

    Raises:
        InputError: PREFECT_API_DATABASE_CONNECTION_URL names another driver than Prefect's, or
            MLFLOW_TRACKING_URI is neither a server nor a database that can be reached.
    """
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError, NoSuchModuleError

    for name in _PREFECTS_DATABASE:
        if (told := os.environ.get(name)) and not told.startswith(_PREFECTS_DRIVERS):
            raise InputError(
                f"{name} is no database that Prefect reaches.",
                "Set it to postgresql+asyncpg://user:password@host/database, or unset it.",
            )
    address = os.environ.get("MLFLOW_TRACKING_URI")
    if not address or not starts_mlflow():
        return
    try:
        make_url(address).get_dialect().import_dbapi()
    except ImportError as error:
        raise InputError(
            f"MLflow's database needs a driver that is not installed ({error}).",
            "Install it beside pcam, or take postgresql://... or sqlite:///..., which need none.",
        ) from error
    except (ArgumentError, NoSuchModuleError) as error:
        raise InputError(
            "MLFLOW_TRACKING_URI is neither a server nor a database.",
            "Set it to https://..., postgresql://... or sqlite:///..., or unset it.",
        ) from error


def addresses(host: str, port: int, mlflow_port: int, workers: list[str]) -> Addresses:
    """Return where the service will be found from this machine."""
    here = _ANY.get(host, host)
    prefect = f"http://[{here}]:{port}" if ":" in here else f"http://{here}:{port}"
    mlflow = f"http://{LOOPBACK}:{mlflow_port}"
    if not starts_mlflow():
        mlflow = without_credentials(os.environ["MLFLOW_TRACKING_URI"]).rstrip("/")
    return Addresses(prefect=prefect, mlflow=mlflow, workers=workers)


def environment(home: Home, found: Addresses) -> dict[str, str]:
    """Return the environment of all processes of the service; what the user has set wins.

    Databases and stores come from the usual variables: PREFECT_API_DATABASE_CONNECTION_URL,
    MLFLOW_TRACKING_URI (a server or a database), MLFLOW_ARTIFACTS_DESTINATION, PCAM_OBJECT_STORE,
    PCAM_NEW_DATA. Prefect's profiles and API key are left behind; so are, for an MLflow server of
    the service's own, all other settings of MLflow but those of its stores.
    """
    chosen = SETTINGS | {
        "MLFLOW_ARTIFACTS_DESTINATION": str(home.mlflow / "artifacts"),
        "PCAM_NEW_DATA": str(home.root / "new-data"),
        # A page of another site that the user's browser shows must not command the server.
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": found.prefect,
        # As the browser sees it, which may be on another machine.
        "PREFECT_SERVER_UI_API_URL": "/api",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        # Slots that are taken stand in the database: kept in memory, as is Prefect's default, a
        # lease would be forgotten with the server, and its slot never be free again.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
            "prefect.server.concurrency.lease_storage.filesystem"
        ),
    }
    fixed = {
        MARK: str(home.root),
        "PCAM_HOME": str(home.root),
        "PREFECT_HOME": str(home.prefect),
        "PREFECT_API_URL": found.api,
    }
    if starts_mlflow():
        own = f"sqlite:///{home.mlflow / 'mlflow.db'}"
        fixed |= {
            "MLFLOW_BACKEND_STORE_URI": os.environ.get("MLFLOW_TRACKING_URI") or own,
            "MLFLOW_TRACKING_URI": found.mlflow,
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }
    if auth := os.environ.get(AUTH):
        fixed[CLIENT_AUTH] = auth
    told = {name: value for name, value in os.environ.items() if _is_ours(name)}
    return chosen | told | fixed


def _is_ours(variable: str) -> bool:
    if starts_mlflow() and variable.startswith(_MLFLOW):
        return variable.startswith(_STORES)
    return not variable.startswith(_FOREIGN)


def starts_mlflow() -> bool:
    """Return whether the service brings its own MLflow server: none is set."""
    return not os.environ.get("MLFLOW_TRACKING_URI", "").startswith(("http://", "https://"))


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
