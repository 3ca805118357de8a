"""Opens any Keras image model as an upscaler, without trusting it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pcam_core.errors import InputError
from pcam_core.superres.on_levels import Levels, on_levels

_PROBE_PX = 32
# Dark, middle and bright, in levels of 0..255.
_GREYS = (48.0, 128.0, 208.0)
_GREY_TOLERANCE = 24.0


def load_keras_file(
    path: Path, input_range: tuple[float, float]
) -> tuple[int, Callable[[Levels], Levels]]:
    """Loads a ``.keras`` file in safe mode and tries it on grey patches.

    Grey patches unmask a wrong range where the network has an activation or a scaling that ties
    it to its range. A network of bare convolutions hardly cares: ten times the input, ten times
    the output. There a wrong range passes, and does next to no harm.

    Args:
        path: The file; any Keras model that takes and gives (B, H, W, 3) float pictures.
        input_range: Lowest and highest value of its pixels: (0, 1) or (0, 255).

    Returns:
        The scale, and a function from float32 (B, H, W, 3) of 0..255 to float32
        (B, H*scale, W*scale, 3) on the same scale, unclipped.

    Raises:
        InputError: The range is neither of the two, the file cannot be loaded in safe mode or
            does not run, its scale is not a whole number, or grey patches do not stay grey.
    """
    if tuple(input_range) not in {(0, 1), (0, 255)}:
        raise InputError(
            f"The input range {input_range} of {path} is unknown.", "Give (0, 1) or (0, 255)."
        )
    model = _load_keras(path)
    enlarge = on_levels(model, float(input_range[1]))
    try:
        patches = _grey_patches(model)
        greys = enlarge(patches)
    except Exception as error:  # a foreign model can fail in any way
        raise InputError(
            f"{path} does not run on RGB patches: {_first_line(error)}",
            "Give a model that takes (B, H, W, 3) float32 images of any batch size.",
        ) from error
    scale = _whole_scale(path, patches.shape, greys.shape)
    _check_greys(path, greys, input_range)
    return scale, enlarge


def _load_keras(path: Path) -> Any:
    try:
        return keras.saving.load_model(path, safe_mode=True, compile=False)
    except Exception as error:  # a foreign file can fail in any way
        raise InputError(
            f"{path} cannot be loaded in Keras' safe mode: {_first_line(error)}",
            "Give a .keras file of Keras 3's own layers: Lambda layers and the like are programs "
            "and are refused.",
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _grey_patches(model: Any) -> Levels:
    height, width = (length or _PROBE_PX for length in model.input_shape[1:3])
    levels = np.array(_GREYS, np.float32)[:, None, None, None]
    return np.broadcast_to(levels, (len(_GREYS), height, width, 3)).copy()


def _whole_scale(path: Path, before: tuple[int, ...], after: tuple[int, ...]) -> int:
    remedy = "Give a model that enlarges RGB patches by a whole factor."
    if len(after) != 4 or after[0] != before[0] or after[3] != 3:
        raise InputError(f"{path} makes {after} out of {before}, not pictures.", remedy)
    scale = after[1] // before[1]
    if scale < 1 or after[1:3] != (before[1] * scale, before[2] * scale):
        raise InputError(
            f"{path} makes {after[1]} x {after[2]} px out of {before[1]} x {before[2]} px, "
            "which is no whole scale.",
            remedy,
        )
    return scale


def _check_greys(path: Path, enlarged: Levels, input_range: tuple[float, float]) -> None:
    # The median: networks that pad with zeros darken the border, which is no matter of range.
    found = np.median(enlarged, axis=(1, 2, 3))
    # Turned round so that a NaN counts as wrong.
    if not np.all(np.abs(found - np.array(_GREYS)) <= _GREY_TOLERANCE):
        listed = ", ".join(f"{level:.0f}" for level in found)
        wanted = ", ".join(f"{level:.0f}" for level in _GREYS)
        raise InputError(
            f"{path} turns grey patches of level {wanted} into {listed} when its values run from "
            f"{input_range[0]:g} to {input_range[1]:g}.",
            "Declare the input range that the model was trained with: (0, 1) or (0, 255).",
        )
