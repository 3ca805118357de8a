"""Decoding patches from files."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

SIDE = 96
MODE = "RGB"

Pixels = npt.NDArray[np.uint8]
T = TypeVar("T")


def read_patch(path: Path) -> Pixels:
    """Decode one patch.

    Returns:
        uint8 pixels (96, 96, 3), RGB, 0..255.

    Raises:
        ValueError: The file is no single RGB image of 96x96 pixels; the message says why.
            The header is checked before any pixel is decoded, so that a decompression bomb
            costs nothing.
    """
    try:
        with Image.open(path) as image:
            if image.size != (SIDE, SIDE):
                raise ValueError(f"{image.width}x{image.height} pixels, not {SIDE}x{SIDE}")
            if image.mode != MODE:
                raise ValueError(f"mode {image.mode}, not {MODE}")
            if getattr(image, "n_frames", 1) != 1:
                raise ValueError("several pages, not one")
            return np.asarray(image)
    except UnidentifiedImageError:
        raise ValueError("not an image") from None
    except Image.DecompressionBombError:
        raise ValueError(f"far more than {SIDE}x{SIDE} pixels") from None
    except ValueError:
        raise
    except Exception as error:  # what a decoder raises on damaged bytes has no common base
        raise ValueError(f"cannot be decoded ({error})") from None


def in_parallel(function: Callable[[Path], T], paths: Sequence[Path], chunk: int) -> Iterator[T]:
    """Yield `function(path)` in order, computed by threads at most two chunks ahead."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        ahead: Iterator[T] = iter(())
        for start in range(0, len(paths), chunk):
            following = pool.map(function, paths[start : start + chunk])
            yield from ahead
            ahead = following
        yield from ahead
