"""Chooses by measurement how a network enlarges patches."""

import math
import time

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from pcam_core.precision import Precision
from pcam_core.superres.device_memory import is_out_of_memory
from pcam_core.superres.upscaler import Upscaler

_BATCHES = (8, 32, 128, 512)
_BATCH_WITHOUT_NETWORK = 128
# A call of this length costs nothing by being a call; more patches in it only cost memory.
_LONG_CALL_S = 0.5
_ENOUGH_S = 10.0
_ROUNDS = 3
# Less than this is noise: the smaller batch, and no XLA, need less memory and start sooner.
_GAIN = 1.05


class Plan(BaseModel):
    """How patches are enlarged: the same plan on the same kind of device gives the same bytes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    batch: int = Field(ge=1, description="Patches in one call.")
    precision: Precision = Field(description="What the network computes with.")
    jit: bool = Field(description="Whether XLA compiles the network.")
    device: str = Field(description='Kind of device: "cpu" or the name of the GPU.')
    patches_per_s: float | None = Field(
        None, gt=0, description="Measured with these, decoding left out; nothing depends on it."
    )


def measure_plan(upscaler: Upscaler, side: int) -> Plan:
    """The fastest batch size and compile mode here, in patches a second.

    Batches grow while that pays and while a call stays short; then XLA is tried at the best of
    them, where it is a choice (`jit_choices`). A batch for which the memory does not suffice
    ends the growth. Half a second for a small network on a CPU; for a large one the time that
    the backend takes to compile it, and 10 s after which nothing more is tried.

    Args:
        upscaler: Left compiled as the plan says. Without a network nothing is measured.
        side: Height and width of the patches, in pixels.

    Raises:
        Exception: Even the smallest batch fails, for instance for want of memory.
    """
    if upscaler.precision is None:
        return Plan(batch=_BATCH_WITHOUT_NETWORK, precision="float32", jit=False, device="cpu")
    usual, *others = upscaler.jit_choices()
    start = time.monotonic()
    upscaler.compile(usual)
    best, seconds = _best_batch(upscaler, side, start)
    jit = usual
    for choice in others if time.monotonic() - start < _ENOUGH_S else ():
        upscaler.compile(choice)
        try:
            found = _seconds_a_call(upscaler, best, side)
        except Exception:  # an operation of a foreign network that XLA does not know
            found = math.inf
        if found * _GAIN < seconds:
            jit, seconds = choice, found
    upscaler.compile(jit)
    return Plan(
        batch=best,
        precision=upscaler.precision,
        jit=jit,
        device=_device(),
        patches_per_s=best / seconds,
    )


def _best_batch(upscaler: Upscaler, side: int, start: float) -> tuple[int, float]:
    """The batch and the seconds that a call with it takes."""
    best, best_seconds = _BATCHES[0], _seconds_a_call(upscaler, _BATCHES[0], side)
    seconds = best_seconds
    for batch, before in zip(_BATCHES[1:], _BATCHES, strict=False):
        too_long = seconds * batch / before > _LONG_CALL_S
        if too_long or time.monotonic() - start > _ENOUGH_S:
            break
        try:
            seconds = _seconds_a_call(upscaler, batch, side)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            break
        if batch / seconds > _GAIN * best / best_seconds:
            best, best_seconds = batch, seconds
    return best, best_seconds


def _seconds_a_call(upscaler: Upscaler, batch: int, side: int) -> float:
    noise = np.random.default_rng(0).integers(0, 256, (batch, side, side, 3), np.uint8)
    upscaler(noise)  # compiles
    return min(_timed(upscaler, noise) for _ in range(_ROUNDS))


def _timed(upscaler: Upscaler, patches: NDArray[np.uint8]) -> float:
    start = time.perf_counter()
    upscaler(patches)
    return time.perf_counter() - start


def _device() -> str:
    from pcam_core.precision import gpus

    found = gpus()
    return found[0].name if found else "cpu"
