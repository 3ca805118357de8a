"""Returning to the champion before."""

import json
from pathlib import Path

from pcam_core.errors import InputError


def run_rollback(out: Path, *, as_json: bool) -> None:
    """Put the previous champion back into service, and say so.

    Raises:
        InputError: There is no registry or no previous champion, or MLflow cannot be reached.
    """
    from tasks.mlflow_connection import is_absent, tracking_uri
    from tasks.promotion import roll_back

    uri = tracking_uri(out)
    if is_absent(uri):
        raise InputError(f"There is no registry at {uri}.", "Give --out the folder of your runs.")
    before, now = roll_back(out)
    if as_json:
        print(json.dumps({"before": before, "champion": now}))
    else:
        print(f"Version {now} is the champion again, in place of version {before}.")
