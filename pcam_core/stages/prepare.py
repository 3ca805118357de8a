"""Crop every patch, enlarge it with the chosen upscaler and store it for fast random access."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from pcam_core.artifact import Artifact
from pcam_core.expectation import announce
from pcam_core.patch_store import PatchStore, write_patch_store
from pcam_core.patches import SIDE, Pixels, in_parallel, read_accepted_patch
from pcam_core.progress import Meter
from pcam_core.raw_data import RawData
from pcam_core.section import Section
from pcam_core.stage import stage
from pcam_core.stages.labels import read_ids
from pcam_core.superres.upscaler import Upscaler, digest, open_upscaler

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


@stage(numeric=True)
def prepare(
    folder: Path, *, data: RawData, labels: Artifact, gate: Artifact, settings: PrepareSettings
) -> dict[str, Any]:
    """Write the patch stores `train` and `test` (see `PatchStore`).

    The input `gate` holds no pixels: it says that they are worth preparing.
    """
    del gate
    upscale = open_upscaler(settings.upscaler, settings.input_range)
    side = settings.region * upscale.scale
    ids = {part: list(read_ids(labels, part)["id"]) for part in ("train", "test")}
    count = sum(map(len, ids.values()))
    first = [
        read_accepted_patch(data.patch("train", patch_id)) for patch_id in ids["train"][:_BATCH]
    ]
    seconds = _seconds_a_patch(upscale, settings.region, first) * count
    announce("Prepare patches", folder, count * side * side * 3, seconds)

    meter = Meter("Prepare patches", count)
    for part, names in ids.items():
        files = [data.patch(part, patch_id) for patch_id in names]
        batches = _enlarged(files, settings.region, upscale, meter)
        write_patch_store(folder / part, names, batches)
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


def _enlarged(files: list[Path], region: int, upscale: Upscaler, meter: Meter) -> Iterator[Pixels]:
    decoded = in_parallel(lambda path: centre(read_accepted_patch(path), region), files, 4 * _BATCH)
    batch: list[Pixels] = []
    for number, patch in enumerate(decoded, start=1):
        batch.append(patch)
        if len(batch) == _BATCH or number == len(files):
            yield upscale(np.stack(batch))
            meter.advance(len(batch))
            batch = []


def _seconds_a_patch(upscale: Upscaler, region: int, patches: list[Pixels]) -> float:
    batch = np.stack([centre(patch, region) for patch in patches])
    upscale(batch)  # compiles
    start = time.monotonic()
    upscale(batch)
    return (time.monotonic() - start) / len(patches) + 0.001  # and about 1 ms to decode
