"""Which part this process has in a search that several share, as keras-tuner is told it."""

import os


def tuner_id() -> str:
    """Return this process's name in the search."""
    return os.environ.get("KERASTUNER_TUNER_ID", "tuner0")


def is_worker() -> bool:
    """Whether another process, the chief, hands out the trials."""
    return "KERASTUNER_ORACLE_IP" in os.environ and "chief" not in tuner_id()
