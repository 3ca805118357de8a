"""The processes of a service and how each is started."""

import sys
from collections.abc import Mapping

from deployments.service.environment import LOOPBACK
from deployments.service.home import Home
from deployments.service.process import Process

POOL = "pcam"
"""The work pool that every deployment runs in."""


def prefect_server(home: Home, environment: Mapping[str, str], host: str, port: int) -> Process:
    """Prefect's server with its UI and its loops."""
    arguments = ("server", "start", "--host", host, "--port", str(port))
    return _prefect("Prefect server", "server", home, environment, *arguments)


def mlflow_server(home: Home, environment: Mapping[str, str], port: int) -> Process:
    """MLflow's server with its UI; it has no password, so only this machine reaches it."""
    arguments = ("--host", LOOPBACK, "--port", str(port), "--workers", "1")
    command = (sys.executable, "-m", "mlflow", "server", *arguments)
    return Process("MLflow server", command, environment, home.logs / "mlflow.log")


def worker(home: Home, environment: Mapping[str, str], name: str, card: str | None) -> Process:
    """A worker that does one run at a time, on a card of its own where there is one."""
    own = {**environment, **({"CUDA_VISIBLE_DEVICES": card} if card else {})}
    arguments = ("--pool", POOL, "--name", name, "--limit", "1", "--install-policy", "never")
    what = f"worker {name}"
    return _prefect(what, f"worker-{name}", home, own, "worker", "start", *arguments)


def _prefect(
    name: str, log: str, home: Home, environment: Mapping[str, str], *arguments: str
) -> Process:
    command = (sys.executable, "-m", "prefect", "--no-prompt", *arguments)
    return Process(name, command, environment, home.logs / f"{log}.log")
