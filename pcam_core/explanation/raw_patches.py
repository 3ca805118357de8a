"""Raw patches from image files, and what a model takes made of them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pcam_core.errors import InputError
from pcam_core.listing import listing
from pcam_core.patches import SIDE, Form, PatchError, Pixels, read_patch
from pcam_core.stages.enlarging import centre
from pcam_core.stages.prepare_settings import PrepareSettings
from pcam_core.superres.upscaler import open_upscaler

SUFFIXES = (".tif", ".tiff", ".png")
"""How the names of patches end."""

_BATCH = 32


def form_of(name: str) -> Form:
    """Return what a file with one of `SUFFIXES` must be."""
    return "PNG" if name.lower().endswith(".png") else "TIFF"


def find_files(places: Sequence[Path]) -> list[Path]:
    """Return files as given, and those of folders (.tif, .tiff, .png) by name.

    Raises:
        InputError: A place does not exist, or there is no such file.
    """
    files: list[Path] = []
    for place in places:
        if not place.exists():
            raise InputError(f"{place} does not exist.", "Give image files or a folder of them.")
        inside = sorted(place.iterdir()) if place.is_dir() else [place]
        files += [file for file in inside if file == place or file.suffix.lower() in SUFFIXES]
    if not files:
        raise InputError(
            f"There is no image in {listing(places)}.",
            f"Give files that end in {', '.join(SUFFIXES)}.",
        )
    return files


def read_raw(files: Sequence[Path]) -> Pixels:
    """Decode patches.

    Returns:
        uint8 (n, 96, 96, 3), RGB, 0..255.

    Raises:
        InputError: Files are no RGB patches of 96x96 pixels; all are named.
    """
    patches, wrong = [], []
    for file in files:
        try:
            patches.append(read_patch(file, form_of(file.name)))
        except PatchError as error:
            wrong.append(f"{file}: {error}")
    if wrong:
        raise InputError(
            f"{len(wrong)} of {len(files)} files are no patches: {listing(wrong)}.",
            f"Give TIFF or PNG files of {SIDE}x{SIDE} pixels, RGB, 8 bits a channel.",
            wrong,
        )
    return np.stack(patches)


def prepared(patches: Pixels, settings: PrepareSettings) -> Pixels:
    """Crop and enlarge raw patches as the stage `prepare` does.

    Args:
        patches: uint8 (n, 96, 96, 3), 0..255.
        settings: How.

    Returns:
        uint8 (n, side, side, 3), 0..255.

    Raises:
        InputError: The upscaler cannot be opened.
    """
    upscale = open_upscaler(
        settings.upscaler,
        settings.input_range,
        precision=settings.arithmetic,
        trusted=settings.trusted_savedmodels,
    )
    crops = np.stack([centre(patch, settings.region) for patch in patches])
    stored = np.concatenate(
        [upscale(crops[start : start + _BATCH]) for start in range(0, len(crops), _BATCH)]
    )
    if settings.store_size is None:
        return stored
    size = (settings.store_size, settings.store_size)
    resized = [Image.fromarray(patch).resize(size, Image.Resampling.LANCZOS) for patch in stored]
    return np.stack([np.asarray(patch) for patch in resized])
