"""Measuring patches: in parallel, in little memory, without a float where integers do."""

import os
import warnings
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from pcam_core.patches import Fault, PatchError, Pixels, in_parallel
from pcam_core.progress import Meter
from pcam_core.validation.pixel_hash import pixel_hash

WHITE = 204  # 80 % of 255
PROPERTIES = np.dtype(
    [(f"{figure}_{channel}", np.float32) for figure in ("mean", "std") for channel in "rgb"]
    + [("white", np.float32), ("spread", np.float32), ("brightest", np.float32)]
    + [("hash", np.uint64)]
)
"""What is known of a patch, in 44 bytes.

mean_r to std_b: mean and deviation of each channel, 0..255. white: share of the pixels that are
brighter than 80 % in every channel, 0..1. spread: the widest range of a channel, 0..255; 0 is one
colour. brightest: the highest value of any channel, 0..255; 0 is black. hash: see `pixel_hash`.
"""

_BLOCK = 128
_NOTHING = np.array((*[np.nan] * 9, 0), PROPERTIES)


def measure(pixels: Pixels) -> npt.NDArray[np.void]:
    """Return the properties of uint8 pixels (height, width, 3) as a scalar of `PROPERTIES`."""
    planes = np.ascontiguousarray(pixels.reshape(-1, 3).T)
    # Sums of squares of bytes stay whole in float64, and so exact.
    exact = planes.astype(np.float64)
    count = planes.shape[1]
    mean = exact.sum(axis=1) / count
    variance = np.einsum("cp,cp->c", exact, exact) / count - mean**2
    brightest = planes.max(axis=1)
    spread = brightest - planes.min(axis=1)
    std = np.where(spread == 0, 0, np.sqrt(np.maximum(variance, 0)))
    white = np.count_nonzero(planes.min(axis=0) > WHITE) / count
    row = (*mean, *std, white, spread.max(), brightest.max(), pixel_hash(pixels))
    return np.array(row, PROPERTIES)


def measure_all(
    decode: Callable[[str, str], Pixels], patches: Sequence[tuple[str, str]]
) -> tuple[npt.NDArray[np.void], dict[int, tuple[Fault, str]]]:
    """Decode and measure patches by threads, a block of them at a time.

    Args:
        decode: From a part and an id to pixels; raises a ValueError where there are none.
        patches: Part and id of each.

    Returns:
        An array of `PROPERTIES`, NaN and 0 where there are no pixels, and for the places of
        those in it the fault and its reason in words.
    """

    def block(start: int) -> tuple[npt.NDArray[np.void], dict[int, tuple[Fault, str]]]:
        chosen = patches[start : start + _BLOCK]
        rows, faults = np.full(len(chosen), _NOTHING), {}
        for number, patch in enumerate(chosen):
            try:
                rows[number] = measure(decode(*patch))
            except PatchError as error:
                faults[start + number] = error.fault, str(error)
            except ValueError as error:
                faults[start + number] = "unreadable", str(error)
        return rows, faults

    measured = np.empty(len(patches), PROPERTIES)
    faults: dict[int, tuple[Fault, str]] = {}
    meter = Meter("Check patches", len(patches))
    starts = range(0, len(patches), _BLOCK)
    with warnings.catch_warnings():
        # Pillow warns of damaged files too, in words for programmers.
        warnings.filterwarnings("ignore", module=r"PIL\.")
        found = in_parallel(block, starts, 2 * (os.cpu_count() or 1))
        for start, (rows, faulty) in zip(starts, found, strict=True):
            measured[start : start + len(rows)] = rows
            faults |= faulty
            meter.advance(len(rows))
    return measured, faults
