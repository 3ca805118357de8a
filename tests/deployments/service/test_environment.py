import subprocess
import sys

import pytest

from deployments.service.environment import (
    AUTH,
    addresses,
    check_database,
    check_protection,
    environment,
)
from deployments.service.home import Home
from pcam_core.errors import InputError


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in (AUTH, "MLFLOW_TRACKING_URI", "PREFECT_API_URL", "PREFECT_API_AUTH_STRING"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1", "127.8.0.1"])
def test_this_machine_needs_no_password(host):
    check_protection(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "service.example", ""])
def test_other_machines_do(host, monkeypatch):
    with pytest.raises(InputError, match=rf"has no password.*{AUTH}=user:password"):
        check_protection(host)
    monkeypatch.setenv(AUTH, "somebody:planted-secret")
    check_protection(host)


@pytest.mark.parametrize("auth", ["", "planted-secret", ":planted-secret", "somebody:"])
def test_half_a_password_is_none(auth, monkeypatch):
    monkeypatch.setenv(AUTH, auth)
    with pytest.raises(InputError) as caught:
        check_protection("127.0.0.1")
    assert "planted" not in str(caught.value)


@pytest.mark.parametrize(
    ("host", "prefect"),
    [
        ("0.0.0.0", "http://127.0.0.1:4200"),
        ("", "http://127.0.0.1:4200"),
        ("::", "http://[::1]:4200"),  # a server on :: is not reached by IPv4
        ("::1", "http://[::1]:4200"),
        ("10.0.0.7", "http://10.0.0.7:4200"),
    ],
)
def test_where_it_is_found(host, prefect):
    assert addresses(host, 4200, 5000, []).prefect == prefect


def test_what_is_set_wins_over_the_folder(tmp_path, monkeypatch):
    found = addresses("127.0.0.1", 4200, 5000, [])
    own = environment(Home(tmp_path), found)
    assert own["MLFLOW_BACKEND_STORE_URI"] == f"sqlite:///{tmp_path}/mlflow/mlflow.db"
    assert own["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:5000"
    assert own["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "postgresql://database/mlflow")
    monkeypatch.setenv("PREFECT_API_URL", "http://elsewhere/api")
    told = environment(Home(tmp_path), addresses("127.0.0.1", 4200, 5000, []))
    assert told["MLFLOW_BACKEND_STORE_URI"] == "postgresql://database/mlflow"
    assert told["MLFLOW_TRACKING_URI"] == "http://127.0.0.1:5000"
    assert told["PREFECT_API_URL"] == "http://127.0.0.1:4200/api"


def test_an_mlflow_server_elsewhere_is_used_and_shown_without_its_password(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:planted-secret@mlflow.example/")
    found = addresses("127.0.0.1", 4200, 5000, [])
    assert found.mlflow == "https://mlflow.example"
    assert environment(Home(tmp_path), found)["MLFLOW_TRACKING_URI"].startswith("https://me:")


STRAY = {
    "MLFLOW_SERVE_ARTIFACTS": "false",
    "MLFLOW_DEFAULT_ARTIFACT_ROOT": "/elsewhere",
    "MLFLOW_ARTIFACTS_ONLY": "true",
    "MLFLOW_BACKEND_STORE_URI": "sqlite:////elsewhere/mlflow.db",
    "MLFLOW_REGISTRY_STORE_URI": "/elsewhere",
    "MLFLOW_REGISTRY_URI": "/elsewhere",
    "MLFLOW_STATIC_PREFIX": "/prefix",
    "MLFLOW_DISABLE_TELEMETRY": "false",
    "MLFLOW_TRACKING_TOKEN": "planted-secret",
    "_MLFLOW_SERVER_SERVE_ARTIFACTS": "false",
}


def test_what_a_shell_was_told_of_other_servers_stays_there(tmp_path, monkeypatch):
    found = addresses("127.0.0.1", 4200, 5000, [])
    untouched = environment(Home(tmp_path), found)
    more = {"PREFECT_PROFILE": "cloud", "PREFECT_API_KEY": "planted-secret", "UVICORN_PORT": "9"}
    for name, value in (STRAY | more).items():
        monkeypatch.setenv(name, value)
    assert environment(Home(tmp_path), found) == untouched
    # An MLflow server elsewhere may want some of it.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://mlflow.example")
    told = environment(Home(tmp_path), addresses("127.0.0.1", 4200, 5000, []))
    assert told["MLFLOW_TRACKING_TOKEN"] == "planted-secret"
    assert not more.keys() & told.keys()


def test_stores_of_mlflow_may_be_chosen(tmp_path, monkeypatch):
    found = addresses("127.0.0.1", 4200, 5000, [])
    own = environment(Home(tmp_path), found)["MLFLOW_ARTIFACTS_DESTINATION"]
    assert own == str(tmp_path / "mlflow" / "artifacts")
    chosen = {
        "MLFLOW_ARTIFACTS_DESTINATION": "s3://bucket/mlflow",
        "MLFLOW_S3_ENDPOINT_URL": "http://127.0.0.1:9000",
        "PREFECT_API_DATABASE_CONNECTION_URL": "postgresql+asyncpg://database/prefect",
    }
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    assert chosen.items() <= environment(Home(tmp_path), found).items()


def test_a_database_without_its_driver_is_named(monkeypatch):
    check_database()
    for address in (
        "sqlite:///mlflow.db",
        "postgresql://me:planted-secret@database/mlflow",
        "https://mlflow.example",
    ):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
        check_database()
    monkeypatch.setitem(sys.modules, "pymysql", None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "mysql+pymysql://me:planted-secret@database/mlflow")
    with pytest.raises(InputError, match="pymysql") as caught:
        check_database()
    assert "planted" not in str(caught.value)


def test_clients_are_told_the_password(tmp_path, monkeypatch):
    monkeypatch.setenv(AUTH, "somebody:planted-secret")
    found = addresses("0.0.0.0", 4200, 5000, [])
    assert (
        environment(Home(tmp_path), found)["PREFECT_API_AUTH_STRING"] == "somebody:planted-secret"
    )


@pytest.mark.parametrize(
    "variable", ["PREFECT_API_DATABASE_CONNECTION_URL", "PREFECT_SERVER_DATABASE_CONNECTION_URL"]
)
def test_prefect_reaches_a_database_by_its_own_drivers_only(monkeypatch, variable):
    for address in ("postgresql+asyncpg://database/prefect", "sqlite+aiosqlite:////prefect.db"):
        monkeypatch.setenv(variable, address)
        check_database()
    for driver in ("postgresql", "postgres", "postgresql+psycopg2", "sqlite"):
        monkeypatch.setenv(variable, f"{driver}://me:planted-secret@database/prefect")
        with pytest.raises(InputError, match=rf"{variable}.*postgresql\+asyncpg://") as caught:
            check_database()
        assert "planted" not in str(caught.value)


ASKED = """
from prefect.server.concurrency.lease_storage import get_concurrency_lease_storage
from prefect.settings import get_current_settings
print(get_concurrency_lease_storage().storage_path)
print(get_current_settings().server.database.connection_url.get_secret_value())
"""


def test_a_slot_that_is_taken_outlives_the_server(tmp_path):
    """Both lie below PREFECT_HOME: who has taken it, and the database that counts it."""
    told = environment(Home(tmp_path), addresses("127.0.0.1", 4200, 5000, []))
    told = {name: value for name, value in told.items() if "DATABASE" not in name}
    done = subprocess.run([sys.executable, "-c", ASKED], env=told, capture_output=True, text=True)
    leases, database = done.stdout.splitlines()
    assert leases.startswith(str(tmp_path / "prefect"))
    assert str(tmp_path / "prefect") in database
