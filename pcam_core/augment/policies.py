"""Augmentations as they are put together."""

from collections.abc import Callable
from typing import Any

import numpy as np

from pcam_core.augment.colour import brightness_and_channel_shift, stain_jitter
from pcam_core.augment.geometry import dihedral, projective

Operation = Callable[[Any, np.random.Generator], Any]

POLICIES: dict[str, tuple[Operation, ...]] = {
    "none": (),
    "notebook": (projective, brightness_and_channel_shift),
    "tissue": (dihedral, stain_jitter),
}


def augment(images: Any, policy: str, rng: np.random.Generator) -> Any:
    """Apply every operation of a policy in turn.

    Args:
        images: Float tensor (n, h, w, 3), RGB, 0..255.
        policy: A name in `POLICIES`.
        rng: Source of all choices; equal generators give equal images.

    Returns:
        A tensor like `images`, 0..255.
    """
    for operation in POLICIES[policy]:
        images = operation(images, rng)
    return images
