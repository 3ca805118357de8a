"""All operations by name."""

from pcam_core.augment import (
    affine,
    blur,
    brightness_and_channel_shift,
    dihedral,
    noise,
    shift,
    stain_jitter,
)
from pcam_core.augment.operation import Operation

OPERATIONS: dict[str, Operation] = {
    module.OPERATION.name: module.OPERATION
    for module in (
        affine,
        blur,
        brightness_and_channel_shift,
        dihedral,
        noise,
        shift,
        stain_jitter,
    )
}
