"""Explain what the final model looks at."""

from pcam_core.artifact import Artifact
from pcam_core.explanation.methods import METHODS
from pcam_core.report.explanation_figures import shares
from pcam_core.stages.explanation import explanation
from tasks.pictures import show_picture
from tasks.stage_task import stage_task
from tasks.tables import show_table


def _publish(artifact: Artifact) -> None:
    figures = artifact.figures
    rows = [
        {"method": name, "patches": label, "share": found["mean"], "maps": found["count"]}
        for method, name in METHODS.items()
        for label, found in figures["shares"][method].items()
    ]
    show_table("centre-share", "Share of the attribution in the centre 32x32 px", rows)
    show_picture("centre-share-figure", "Share of the attribution in the centre", shares(figures))


explain_model = stage_task(explanation, "explain the model", publish=_publish)
