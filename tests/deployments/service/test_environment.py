import pytest

from deployments.service.environment import AUTH, addresses, check_protection, environment
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
        ("::", "http://127.0.0.1:4200"),
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


def test_clients_are_told_the_password(tmp_path, monkeypatch):
    monkeypatch.setenv(AUTH, "somebody:planted-secret")
    found = addresses("0.0.0.0", 4200, 5000, [])
    assert (
        environment(Home(tmp_path), found)["PREFECT_API_AUTH_STRING"] == "somebody:planted-secret"
    )
