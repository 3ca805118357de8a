"""Augmentations as they are put together."""

from typing import Any

import numpy as np

from pcam_core.augment.registry import OPERATIONS
from pcam_core.superres.banded_lanczos import enlarged
from pcam_core.superres.lanczos import LanczosResize

POLICIES: dict[str, tuple[str, ...]] = {
    "none": (),
    "notebook": ("affine", "brightness_and_channel_shift"),
    # Pixels are moved first, while they still are whole levels of one byte.
    "tissue": ("dihedral", "shift", "stain_jitter", "blur", "noise"),
}


def augment(
    images: Any,
    policy: str,
    rng: np.random.Generator,
    *,
    strength: float = 1,
    enlarge_to: int | None = None,
    xp: Any,
) -> Any:
    """Enlarge patches if need be, then apply every operation of a policy in turn.

    Args:
        images: uint8 (n, side, side, 3), RGB, 0..255.
        policy: A name in `POLICIES`.
        rng: Source of all choices; equal generators give equal images on equal backends.
        strength: What the ranges of the operations are multiplied by.
        enlarge_to: Side, in pixels, to which patches are enlarged first (LANCZOS).
        xp: `numpy` or `keras.ops`, whichever the images belong to.

    Returns:
        float32 (n, side, side, 3), 0..255, the side being `enlarge_to` if there is one.
    """
    count, side = len(images), enlarge_to or images.shape[1]
    steps = [
        (operation.change, operation.draw(rng, count, side, strength))
        for operation in (OPERATIONS[name] for name in POLICIES[policy])
    ]
    if xp is not np:
        images = LanczosResize(enlarge_to)(images) if enlarge_to else images
        for change, draws in steps:
            images = change(images, *draws, xp=xp)
        return xp.cast(images, "float32")
    changed = np.empty((count, side, side, 3), np.float32)
    # One patch through all steps: it stays in the processor's cache.
    for number in range(count):
        one = slice(number, number + 1)
        image = enlarged(images[one], enlarge_to) if enlarge_to else images[one]
        for change, draws in steps:
            image = change(image, *(drawn[one] for drawn in draws), xp=np)
        changed[one] = image
    return changed
