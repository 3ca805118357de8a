import os
from pathlib import Path

# Read when Prefect is imported: nothing leaves this machine, and nothing beats in the background.
os.environ.update(
    PREFECT_SERVER_ANALYTICS_ENABLED="false",
    DO_NOT_TRACK="1",
    PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS="180",
    PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW="ignore",
    PREFECT_LOGGING_EXTRA_LOGGERS="pcam_core,tasks,flows",
)
os.environ.pop("PREFECT_FLOWS_HEARTBEAT_FREQUENCY", None)

import pytest

MINIATURE = Path(__file__).parent / "miniature.toml"


@pytest.fixture(scope="session")
def miniature_recipe():
    return str(MINIATURE)


@pytest.fixture(scope="session")
def generated(tmp_path_factory):
    """A hundred and sixty labelled and twenty unlabelled generated patches."""
    from pcam_core.synth import write_dataset

    folder = tmp_path_factory.mktemp("generated") / "data"
    write_dataset(folder, train=160, test=20, seed=3)
    return folder


@pytest.fixture(scope="session")
def prefect_server():
    """One Prefect server for the session; starting one takes half a minute."""
    from prefect.testing.utilities import prefect_test_harness

    with prefect_test_harness(server_startup_timeout=180):
        yield
