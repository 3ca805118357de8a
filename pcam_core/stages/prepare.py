"""Crop every patch, enlarge it with the chosen upscaler and store it for fast random access."""

import logging
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from pcam_core.artifact import Artifact
from pcam_core.datasets import PARTS, Dataset, Part
from pcam_core.expectation import announce
from pcam_core.patch_store import PatchStore, unfinished, write_patch_store
from pcam_core.patches import SIDE, Pixels
from pcam_core.progress import Meter
from pcam_core.section import Section
from pcam_core.stage import stage
from pcam_core.stages.gate import accepted
from pcam_core.superres.upscaler import Upscaler, digest, open_upscaler

logger = logging.getLogger(__name__)
_BATCH = 64


class PrepareSettings(Section):
    """What is kept of a patch and how it is enlarged."""

    region: Literal[32, 64, 96] = Field(
        32, description="Side of the centre square that is kept, in pixels."
    )
    upscaler: str = Field(
        "esrgan",
        description="'none', 'lanczos' (4x), 'esrgan' (TensorFlow Hub's captain-pool/esrgan-tf2),"
        " the folder of that SavedModel, or a Keras model ending in .keras.",
    )
    input_range: tuple[float, float] = Field(
        (0, 255), description="Pixel range that a .keras upscaler takes: (0, 1) or (0, 255)."
    )

    def content(self) -> Any:
        """Name the upscaler by its content instead of its path."""
        return {**super().content(), "upscaler": digest(self.upscaler)}


@stage(numeric=True, resumable=True)
def prepare(
    folder: Path, *, data: Dataset, labels: Artifact, gate: Artifact, settings: PrepareSettings
) -> dict[str, Any]:
    """Write the patch stores `train` and `test` (see `PatchStore`), without quarantined patches.

    A run that was stopped goes on at the shard that it was making.
    """
    upscale = open_upscaler(settings.upscaler, settings.input_range)
    side = settings.region * upscale.scale
    ids: dict[Part, list[str]] = {part: list(accepted(labels, gate, part)["id"]) for part in PARTS}
    shards = [shard for part, names in ids.items() for shard in unfinished(folder / part, names)]
    count = sum(len(names) for _, names in shards)
    if count < sum(map(len, ids.values())):
        logger.info("Prepare patches: goes on with the last %s", f"{count:,}")
    first = list(data.patches("train", ids["train"][:_BATCH]))
    seconds = _seconds_a_patch(upscale, settings.region, first) * count
    announce("Prepare patches", folder, count * side * side * 3, seconds)

    meter = Meter("Prepare patches", count)
    for part, names in ids.items():
        make = partial(_enlarged, data, part, settings.region, upscale, meter)
        write_patch_store(folder / part, names, make)
    return {
        "patches": {part: len(names) for part, names in ids.items()},
        "region": settings.region,
        "upscaler": settings.upscaler,
        "stored_side": side,
    }


def open_store(artifact: Artifact, part: Literal["train", "test"]) -> PatchStore:
    """Open one of the stores that `prepare` wrote."""
    return PatchStore(artifact.path / part)


def centre(patch: Pixels, region: int) -> Pixels:
    """Return the centre square of side `region` of a patch (96, 96, 3)."""
    edge = (SIDE - region) // 2
    return patch[edge : edge + region, edge : edge + region]


def _enlarged(
    data: Dataset, part: Part, region: int, upscale: Upscaler, meter: Meter, ids: Sequence[str]
) -> Iterator[Pixels]:
    patches = data.patches(part, ids)
    while batch := list(islice(patches, _BATCH)):
        yield upscale(np.stack([centre(patch, region) for patch in batch]))
        meter.advance(len(batch))


def _seconds_a_patch(upscale: Upscaler, region: int, patches: list[Pixels]) -> float:
    batch = np.stack([centre(patch, region) for patch in patches])
    upscale(batch)  # compiles
    start = time.monotonic()
    upscale(batch)
    return (time.monotonic() - start) / len(patches) + 0.001  # and about 1 ms to decode
