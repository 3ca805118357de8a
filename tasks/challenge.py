"""Compare a challenger with the champion."""

from pcam_core.artifact import Artifact
from pcam_core.stages.challenge import challenge
from pcam_core.stages.registered import registered
from tasks.stage_task import stage_task
from tasks.tables import show_table


def _publish(artifact: Artifact) -> None:
    figures = artifact.figures
    rows = [{"model": name, **figures[name]} for name in ("challenger", "champion")]
    low, high = figures["interval"]
    title = f"AUC {figures['difference']:+.4f} (95 % interval {low:+.4f} to {high:+.4f})"
    show_table("challenge", title, rows)


def _publish_fetched(artifact: Artifact) -> None:
    show_table("champion", "The champion as registered", [artifact.figures])


fetch_champion = stage_task(registered, "fetch the champion", publish=_publish_fetched)
challenge_champion = stage_task(challenge, "challenge the champion", publish=_publish)
