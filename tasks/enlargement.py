"""Show and measure what the upscaler does."""

from pcam_core.artifact import Artifact
from pcam_core.stages.enlargement import enlargement
from tasks.stage_task import stage_task
from tasks.tables import show_table


def _publish(artifact: Artifact) -> None:
    restored = artifact.figures["restored"]
    rows = []
    for name in ("psnr", "ssim") if restored else ():
        found = restored[name]
        low, high = found["interval"]
        rows.append(
            {"measure": name, **found["means"], "gain": found["gain"], "low": low, "high": high}
        )
    show_table("enlargement", "Shrunk patches restored by the upscaler and by bicubic", rows)


measure_enlargement = stage_task(enlargement, "measure the enlargement", publish=_publish)
