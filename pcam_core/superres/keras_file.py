"""Opens any Keras image model as an upscaler, without trusting it."""

from pathlib import Path

import keras

from pcam_core.errors import InputError
from pcam_core.precision import Precision
from pcam_core.superres.checksum import check_checksum
from pcam_core.superres.half import set_precision
from pcam_core.superres.on_levels import jit_choices, on_levels, whole_levels
from pcam_core.superres.probe import check_range, find_scale, first_line
from pcam_core.superres.rrdb import RRDB_NAME, RRDB_RANGE
from pcam_core.superres.upscaler import Upscaler


def open_keras_file(
    path: Path,
    input_range: tuple[float, float],
    precision: Precision = "float32",
    jit: bool | None = None,
) -> Upscaler:
    """Loads a ``.keras`` file in safe mode and tries it on grey patches.

    A file that `save_converted` wrote is known by its name: it is the ESRGAN itself, takes and
    gives 0..255 whatever is declared, and its weights need not keep grey grey.

    Args:
        path: The file; any Keras model that takes and gives (B, H, W, 3) float pictures. Where
            ``<path>.sha256`` lies beside it, the two are compared.
        input_range: Lowest and highest value of its pixels: (0, 1) or (0, 255).
        precision: What it computes with.
        jit: Whether XLA compiles it; by default under JAX only.

    Raises:
        InputError: The range is neither of the two, the checksum differs, the file cannot be
            loaded in safe mode or does not run, its scale is not a whole number, or grey
            patches do not stay grey.
    """
    check_range(str(path), input_range)
    check_checksum(path)
    model = _load_keras(path)
    esrgan = model.name == RRDB_NAME
    set_precision(model, precision)
    jit = jit_choices()[0] if jit is None else jit
    model.compile(jit_compile=jit)
    highest = (RRDB_RANGE if esrgan else input_range)[1]
    enlarge = on_levels(model, highest)
    shape = getattr(model, "input_shape", None)
    scale = find_scale(str(path), enlarge, shape, None if esrgan else input_range)
    upscaler = Upscaler(scale, enlarge, precision, whole_levels(model, highest))
    upscaler.compile(jit)
    return upscaler


def _load_keras(path: Path) -> keras.Model:
    try:
        return keras.saving.load_model(path, safe_mode=True, compile=False)
    except Exception as error:  # a foreign file can fail in any way
        raise InputError(
            f"{path} cannot be loaded in Keras' safe mode: {first_line(error)}",
            "Give a .keras file of Keras 3's own layers: Lambda layers and the like are programs "
            "and are refused.",
        ) from error
