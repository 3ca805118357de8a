"""Measure the final model on the held-out test."""

from pcam_core.artifact import Artifact
from pcam_core.report.result_figures import confusion_matrices, reliability, roc, slide_accuracies
from pcam_core.stages.evaluate import evaluate, read_held_out, read_slides
from tasks.pictures import show_picture
from tasks.stage_task import stage_task
from tasks.tables import show_table


def _publish(artifact: Artifact) -> None:
    figures = artifact.figures
    found = figures["at_threshold"]
    rows = [
        {"score": name, "value": value, "low": low, "high": high}
        for name, value in found["scores"].items()
        for low, high in [found["intervals"][name]]
    ] + [
        {"score": f"specificity at sensitivity {at['sensitivity']}", "value": at["specificity"],
         "low": at["interval"][0], "high": at["interval"][1]}
        for at in figures["at_sensitivity"]
    ]  # fmt: skip
    show_table("test-scores", "With 95 % intervals over groups", rows)
    table = read_held_out(artifact)
    show_picture("test-roc", "ROC on the held-out test", roc({"held-out test": table}))
    show_picture("test-confusion", "Confusion matrices", confusion_matrices(artifact))
    show_picture("test-reliability", "Reliability", reliability(table))
    if figures["slides"]:
        show_picture("test-slides", "Accuracy of each slide", slide_accuracies(artifact))
        show_table(
            "test-slides-table", "Slides, the worst first", read_slides(artifact).to_dict("records")
        )


measure_on_test = stage_task(evaluate, "measure on the held-out test", publish=_publish)
