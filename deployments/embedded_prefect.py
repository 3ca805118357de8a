"""Prefect inside this process: own server, own folder, contacting nobody."""

import os
from pathlib import Path


def embed_prefect(home: Path) -> None:
    """Set Prefect's environment; call it before Prefect is imported.

    A `PREFECT_API_URL` that is set wins: runs then appear on that server.

    Args:
        home: Folder of the embedded server's database and results.
    """
    home.mkdir(parents=True, exist_ok=True)
    settings = {
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "pcam_core,tasks,flows",
        "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    }
    if not os.environ.get("PREFECT_API_URL"):
        settings |= {
            "PREFECT_HOME": str(home.absolute()),
            "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "true",
            # A fresh database is migrated first, which takes half a minute on a slow disk.
            "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
            "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
        }
    for name, value in settings.items():
        os.environ.setdefault(name, value)
