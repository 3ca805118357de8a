"""Decoding patches from files."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import IO, Literal, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from pcam_core.plain_tiff import plain_tiff

SIDE = 96
MODE = "RGB"
BITS = 8

Pixels = npt.NDArray[np.uint8]
Form = Literal["TIFF", "PNG"]
Fault = Literal["unreadable", "size", "mode", "depth", "pages"]
T = TypeVar("T")
R = TypeVar("R")

_MAGIC: dict[Form, tuple[bytes, ...]] = {"TIFF": (b"II*\0", b"MM\0*"), "PNG": (b"\x89PNG",)}
_BITS_A_SAMPLE = 258  # the tag's number in TIFF 6.0
_PNG_BITS = 24  # where a PNG tells the bits of a channel: its header comes first
_NAMES = {"1": "black and white", "L": "grey-scale", "P": "of a palette"}
_NAMES |= dict.fromkeys(("I;16", "I;16B"), "16-bit grey-scale")
_RUN = 32  # items that a thread takes at once
_SMALL = 1 << 16  # bytes; an uncompressed patch takes 27,648 and its header


class PatchError(ValueError):
    """A file is no patch.

    Args:
        fault: What is wrong with it: it cannot be decoded at all, or which property is another.
        reason: That in words.
    """

    def __init__(self, fault: Fault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault


def read_patch(file: Path | IO[bytes], form: Form = "TIFF") -> Pixels:
    """Decode one patch from a path or an open file that can seek.

    Args:
        file: Where it is.
        form: What it must be.

    Returns:
        uint8 pixels (96, 96, 3), RGB, 0..255.

    Raises:
        PatchError: The file is no single 8-bit RGB picture of 96x96 pixels and this form; the
            message says why. The header is checked before any pixel is decoded, so that a
            decompression bomb costs nothing.
    """
    try:
        if isinstance(file, Path):
            with file.open("rb") as opened:
                return _read(opened, form)
        return _read(file, form)
    except PatchError:
        raise
    except Exception as error:  # what a decoder raises on damaged bytes has no common base
        if isinstance(error, OSError) and error.strerror:
            raise PatchError("unreadable", f"cannot be read: {error.strerror}") from None
        raise PatchError("unreadable", f"cannot be decoded: {error}") from None


def _read(file: IO[bytes], form: Form) -> Pixels:
    content = file.read(_SMALL)
    plain = plain_tiff(content, SIDE) if form == "TIFF" and len(content) < _SMALL else None
    if plain is not None:
        return plain
    file.seek(0)
    try:
        with Image.open(file, formats=(form,)) as image:
            if image.size != (SIDE, SIDE):
                size = f"{image.width}x{image.height} pixels, not {SIDE}x{SIDE}"
                raise PatchError("size", size)
            if image.mode != MODE:
                raise PatchError("mode", f"{_NAMES.get(image.mode, image.mode)}, not {MODE}")
            # Pillow cuts 16 bits to 8, and a fourth channel of a TIFF off, without a word.
            bits = _bits(image, content)
            if bits != (BITS,) * len(MODE):
                depth = f"{len(bits)} channels of {max(bits)} bits, not 3 of {BITS}"
                raise PatchError("depth", depth)
            if getattr(image, "n_frames", 1) != 1:
                raise PatchError("pages", "several pages, not one")
            return np.asarray(image)
    except UnidentifiedImageError:
        raise PatchError("unreadable", _unidentified(content[:4], form)) from None
    except Image.DecompressionBombError:
        raise PatchError("size", f"far more than {SIDE}x{SIDE} pixels") from None


def _bits(image: Image.Image, content: bytes) -> tuple[int, ...]:
    """Return the bits of each channel of an RGB picture."""
    if image.format == "PNG":
        return (content[_PNG_BITS],) * len(MODE)
    bits: tuple[int, ...] = image.tag_v2.get(_BITS_A_SAMPLE, (1,))  # type: ignore[attr-defined]
    return bits


def _unidentified(start: bytes, form: Form) -> str:
    if start in _MAGIC[form]:
        return f"a {form} that is cut off or damaged"
    return f"not a {form} image" if start else "an empty file"


def in_parallel(
    function: Callable[[T], R], items: Sequence[T], chunk: int, threads: int | None = None
) -> Iterator[R]:
    """Yield `function(item)` in order, computed by threads at most two chunks ahead.

    Args:
        function: What is done to each.
        items: To what.
        chunk: How many items.
        threads: As many as there are cores by default; more where they wait for a network.
    """

    # Handing items over one by one takes longer than reading a plain patch.
    def run(part: range) -> list[R]:
        return [function(items[place]) for place in part]

    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        ahead: Iterator[list[R]] = iter(())
        for start in range(0, len(items), chunk):
            places = range(start, min(start + chunk, len(items)))
            following = pool.map(run, (places[at : at + _RUN] for at in range(0, chunk, _RUN)))
            yield from chain.from_iterable(ahead)
            ahead = following
        yield from chain.from_iterable(ahead)
