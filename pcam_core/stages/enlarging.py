"""Crops and enlarges patches by the run's plan, alike in every process that shares the work."""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain, islice
from pathlib import Path
from threading import Lock

import numpy as np
from PIL import Image

from pcam_core.datasets.dataset import Dataset, Part
from pcam_core.errors import InputError
from pcam_core.patches import SIDE, Pixels, in_parallel
from pcam_core.source_digest import source_digest
from pcam_core.stage import numeric_versions
from pcam_core.stages.prepare_settings import PrepareSettings
from pcam_core.stages.run_plan import read_plan, take_or_make_plan, write_plan
from pcam_core.superres.device_memory import is_out_of_memory
from pcam_core.superres.upscaler import Upscaler, digest, open_upscaler

logger = logging.getLogger(__name__)

# Of the threads of a worker one enlarges, while others decode the shards that come next.
_device = Lock()


@dataclass(frozen=True)
class Work:
    """What every process that shares the work has to know; it can be pickled.

    Attributes:
        folder: Holds `plan.json`; all processes see it.
        settings: With the precision resolved.
        identity: Names and values of what decides over bytes; see `identity`.
    """

    folder: Path
    settings: PrepareSettings
    identity: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Survey:
    """What is known before the first patch.

    Attributes:
        side: Height and width of stored patches, pixels.
        seconds: That one process takes to enlarge a patch.
    """

    side: int
    seconds: float


class Enlarger:
    """Enlarges crops by the plan; where the memory does not suffice it halves the batch.

    Args:
        work: What to do. The plan is there.

    Raises:
        InputError: The plan cannot be seen here, the upscaler cannot be opened, or it or the
            software is another here than where the run was started.
    """

    def __init__(self, work: Work) -> None:
        self.plan = read_plan(work.folder)
        self._work = work
        self._upscale = _opened(work.settings, work.identity)
        # Compiles anew only if the last plan was another.
        _compiled(self._upscale, self.plan.jit)

    @property
    def side(self) -> int:
        """Height and width of stored patches, pixels."""
        settings = self._work.settings
        return settings.store_size or settings.region * self._upscale.scale

    def __call__(self, crops: Pixels) -> Pixels:
        """Enlarge a batch.

        Args:
            crops: uint8 (n, region, region, 3), 0..255, n at least 1.

        Returns:
            uint8 (n, side, side, 3), 0..255.

        Raises:
            InputError: The memory does not suffice for one patch.
        """
        pieces: list[Pixels] = []
        at = 0
        while at < len(crops):
            piece = crops[at : at + self.plan.batch]
            try:
                pieces.append(self._enlarge(piece))
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                self._halve()
            else:
                at += len(piece)
        enlarged = pieces[0] if len(pieces) == 1 else np.concatenate(pieces)
        size = self._work.settings.store_size
        return _resized(enlarged, size) if size else enlarged

    def _enlarge(self, piece: Pixels) -> Pixels:
        lacking = self.plan.batch - len(piece)
        if not lacking or not self._work.settings.network:
            return self._upscale(piece)
        # Networks are compiled for one shape, and may round otherwise in another.
        filled = np.concatenate([piece, np.repeat(piece[-1:], lacking, axis=0)])
        return self._upscale(filled)[: len(piece)]

    def _halve(self) -> None:
        if self.plan.batch == 1:
            settings = self._work.settings
            raise InputError(
                f"The memory of {self.plan.device} does not suffice to enlarge one patch of"
                f" {settings.region}x{settings.region} pixels with {settings.upscaler}.",
                "End what else uses the memory, or choose a smaller prepare.region, a half"
                " precision (prepare.precision) or another prepare.upscaler.",
            )
        full = self.plan.batch
        self.plan = self.plan.model_copy(update={"batch": full // 2})
        write_plan(self._work.folder, self.plan)
        logger.warning(
            "Out of memory on %s with %s patches at once: goes on with %s.",
            self.plan.device,
            full,
            self.plan.batch,
        )


@dataclass(frozen=True)
class Enlarged:
    """Gives the enlarged patches of one part by shards (see `patch_store.Give`).

    Attributes:
        data: Where the patches lie.
        part: Which of them.
        work: What is done to them.
    """

    data: Dataset
    part: Part
    work: Work

    def __call__(self, shards: Sequence[Sequence[str]]) -> Iterator[Pixels]:
        """Yield batches; see `Dataset.patches` and `Enlarger` for the errors."""
        region = self.work.settings.region
        decoded = self.data.patches(self.part, [name for names in shards for name in names])
        # Threads begin to decode here, before it is this shard's turn on the device.
        decoded = chain(list(islice(decoded, 1)), decoded)
        with _device if self.work.settings.network else nullcontext():
            enlarger = Enlarger(self.work)
            for names in shards:
                shard = islice(decoded, len(names))
                while batch := list(islice(shard, enlarger.plan.batch)):
                    yield enlarger(np.stack([centre(patch, region) for patch in batch]))


def survey(work: Work) -> Survey:
    """Write the plan into the folder, unless one is there that fits, and see what it gives."""
    with _device:
        upscale = _opened(work.settings, work.identity)
        plan = take_or_make_plan(work.folder, upscale, work.settings)
        logger.info("Prepare patches: %s", plan.sentence)
        enlarger = Enlarger(work)
        region = work.settings.region
        blank = np.zeros((plan.batch, region, region, 3), np.uint8)
        enlarger(blank)  # compiles
        start = time.monotonic()
        enlarger(blank)
        return Survey(enlarger.side, (time.monotonic() - start) / plan.batch)


def identity(settings: PrepareSettings) -> tuple[tuple[str, str], ...]:
    """Name what decides over bytes: the upscaler's content, our code and the libraries."""
    code = {"upscaler": digest(settings.upscaler), "pcam": source_digest(__name__)}
    return tuple(sorted((numeric_versions() | code).items()))


def centre(patch: Pixels, region: int) -> Pixels:
    """Return the centre square of side `region` of a patch (96, 96, 3)."""
    edge = (SIDE - region) // 2
    return patch[edge : edge + region, edge : edge + region]


@lru_cache(maxsize=1)
def _opened(settings: PrepareSettings, wanted: tuple[tuple[str, str], ...]) -> Upscaler:
    here = identity(settings)
    if here != wanted:
        other = [name for name, value in wanted if dict(here).get(name) != value]
        raise InputError(
            f"Another version of {', '.join(other)} is here than where the run was started.",
            "Install the same release of pcam and its lock, and put the same model, on all"
            " machines; KERAS_BACKEND must be the same too.",
        )
    assert settings.precision != "auto"
    return open_upscaler(
        settings.upscaler,
        settings.input_range,
        precision=settings.precision,
        trusted=settings.trusted_savedmodels,
    )


@lru_cache(maxsize=1)
def _compiled(upscale: Upscaler, jit: bool) -> None:
    upscale.compile(jit)


def _resized(patches: Pixels, size: int) -> Pixels:
    return np.stack(list(in_parallel(partial(_resize, size), list(patches), len(patches))))


def _resize(size: int, patch: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(patch).resize((size, size), Image.Resampling.LANCZOS))
