"""Tries a foreign network on grey patches, for its scale and its value range."""

from collections.abc import Callable

import numpy as np

from pcam_core.errors import InputError
from pcam_core.superres.on_levels import Levels

_PROBE_PX = 32
# Dark, middle and bright, in levels of 0..255.
_GREYS = (48.0, 128.0, 208.0)
_GREY_TOLERANCE = 24.0


def check_range(name: str, input_range: tuple[float, float]) -> None:
    """Return where ``input_range`` is (0, 1) or (0, 255).

    Raises:
        InputError: It is neither.
    """
    if tuple(input_range) not in {(0, 1), (0, 255)}:
        raise InputError(
            f"The input range {input_range} of {name} is unknown.", "Give (0, 1) or (0, 255)."
        )


def first_line(error: Exception) -> str:
    """What a library's error says, without the page that often follows."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def find_scale(
    name: str,
    enlarge: Callable[[Levels], Levels],
    shape: object,
    input_range: tuple[float, float] | None,
) -> int:
    """The whole factor by which a network enlarges three grey patches.

    Grey patches unmask a wrong range where the network has an activation or a scaling that ties
    it to its range. A network of bare convolutions hardly cares: ten times the input, ten times
    the output. There a wrong range passes, and does next to no harm.

    Args:
        name: What messages call the network.
        enlarge: Takes float32 (B, H, W, 3) of 0..255 to float32 on the same scale.
        shape: Shape (B, H, W, 3) of its input, None where any length will do; of anything else
            nothing is taken.
        input_range: What the user declared; None leaves out the question whether grey stays grey.

    Raises:
        InputError: It does not run, its scale is not a whole number, or grey patches do not stay
            grey.
    """
    sides = shape[1:3] if isinstance(shape, tuple) and len(shape) == 4 else (None, None)
    height, width = (side or _PROBE_PX for side in sides)
    levels = np.array(_GREYS, np.float32)[:, None, None, None]
    patches = np.broadcast_to(levels, (len(_GREYS), height, width, 3)).copy()
    try:
        enlarged = enlarge(patches)
    except Exception as error:  # a foreign model can fail in any way
        raise InputError(
            f"{name} does not run on RGB patches: {first_line(error)}",
            "Give a model that takes (B, H, W, 3) float32 images of any batch size.",
        ) from error
    scale = _whole_scale(name, patches.shape, enlarged.shape)
    if input_range is not None:
        _check_greys(name, enlarged, input_range)
    return scale


def _whole_scale(name: str, before: tuple[int, ...], after: tuple[int, ...]) -> int:
    remedy = "Give a model that enlarges RGB patches by a whole factor."
    if len(after) != 4 or after[0] != before[0] or after[3] != 3:
        raise InputError(f"{name} makes {after} out of {before}, not pictures.", remedy)
    scale = after[1] // before[1]
    if scale < 1 or after[1:3] != (before[1] * scale, before[2] * scale):
        raise InputError(
            f"{name} makes {after[1]} x {after[2]} px out of {before[1]} x {before[2]} px, "
            "which is no whole scale.",
            remedy,
        )
    return scale


def _check_greys(name: str, enlarged: Levels, input_range: tuple[float, float]) -> None:
    # The median: networks that pad with zeros darken the border, which is no matter of range.
    found = np.median(enlarged, axis=(1, 2, 3))
    # Turned round so that a NaN counts as wrong.
    if not np.all(np.abs(found - np.array(_GREYS)) <= _GREY_TOLERANCE):
        listed = ", ".join(f"{level:.0f}" for level in found)
        wanted = ", ".join(f"{level:.0f}" for level in _GREYS)
        raise InputError(
            f"{name} turns grey patches of level {wanted} into {listed} when its values run from "
            f"{input_range[0]:g} to {input_range[1]:g}.",
            "Declare the input range that the model was trained with: (0, 1) or (0, 255).",
        )
