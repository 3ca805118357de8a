"""Where what was fetched or made once is kept for all runs of a user."""

import os
from pathlib import Path


def user_cache(name: str) -> Path:
    """Return ``$XDG_CACHE_HOME/pcam/NAME`` (``~/.cache/pcam/NAME``), which may not exist yet."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pcam" / name
