"""Crop every patch, enlarge it with the chosen upscaler and store it for fast random access."""

import logging
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pcam_core.artifact import Artifact
from pcam_core.datasets.dataset import PARTS, Dataset, Part
from pcam_core.expectation import announce
from pcam_core.fan_out import workers
from pcam_core.patch_store import PatchStore, unfinished, write_patch_store
from pcam_core.progress import Meter
from pcam_core.stage import stage
from pcam_core.stages.enlarging import Enlarged, Survey, Work, centre, identity, survey
from pcam_core.stages.gate import accepted
from pcam_core.stages.prepare_settings import PrepareSettings
from pcam_core.stages.run_plan import read_plan

__all__ = ["PrepareSettings", "centre", "open_store", "prepare"]

logger = logging.getLogger(__name__)
_DECODING_S = 0.001


@stage(numeric=True, resumable=True)
def prepare(
    folder: Path, *, data: Dataset, labels: Artifact, gate: Artifact, settings: PrepareSettings
) -> dict[str, Any]:
    """Write the patch stores `train` and `test` (see `PatchStore`), without quarantined patches.

    A run that was stopped goes on at the shard that it was making, by the same `plan.json` if the
    kind of device is the same. Workers (see `pcam_core.fan_out`) share the shards.

    Figures: `patches` by part, `region` and `stored_side` in pixels, `upscaler`, and `plan` (see
    `RunPlan`): its `batch` is less than `planned` if the memory did not suffice for that.

    Raises:
        InputError: The upscaler cannot be opened, a patch has changed, the disk or the device's
            memory does not suffice, or a worker sees other files or has other software.
    """
    work = Work(
        folder,
        settings.model_copy(update={"precision": settings.arithmetic}),
        identity(settings),
    )
    ids: dict[Part, list[str]] = {part: list(accepted(labels, gate, part)["id"]) for part in PARTS}
    shards = [shard for part, names in ids.items() for shard in unfinished(folder / part, names)]
    count = sum(len(names) for _, names in shards)
    if count < sum(map(len, ids.values())):
        logger.info("Prepare patches: goes on with the last %s", f"{count:,}")
    with workers(gpu=settings.network) as employed:
        surveys: list[Survey] = []
        if employed:
            employed.run([partial(survey, work)], surveys.append)
        else:
            surveys.append(survey(work))
        side = surveys[0].side
        seconds = (surveys[0].seconds + _DECODING_S) * count / (employed.count if employed else 1)
        announce("Prepare patches", folder, count * side * side * 3, seconds)
        meter = Meter("Prepare patches", count)
        for part, names in ids.items():
            give = Enlarged(data, part, work)
            write_patch_store(folder / part, names, give, meter=meter, workers=employed)
    return {
        "patches": {part: len(names) for part, names in ids.items()},
        "region": settings.region,
        "upscaler": settings.upscaler,
        "stored_side": side,
        "plan": read_plan(folder).model_dump(),
    }


def open_store(artifact: Artifact, part: Literal["train", "test"]) -> PatchStore:
    """Open one of the stores that `prepare` wrote."""
    return PatchStore(artifact.path / part)
