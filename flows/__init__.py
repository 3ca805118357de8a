"""The wiring of stages into runs."""

import logging

# Prefect gives them its handlers, and no level: the root's would keep all but warnings from a run.
for name in ("pcam_core", "tasks", "flows"):
    logging.getLogger(name).setLevel(logging.INFO)
