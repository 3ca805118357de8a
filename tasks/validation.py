"""Lay out what the checks found, and stop the run where it may not go on."""

from pcam_core.artifact import Artifact
from pcam_core.stages.validation import insist, validation
from tasks.stage_task import stage_task


def _publish(artifact: Artifact) -> None:
    # The artifact is whole by now: a run that stops here loses nothing of what was found.
    insist(artifact)


write_validation = stage_task(validation, "insist on good data", publish=_publish)
