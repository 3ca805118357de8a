"""Opens whatever enlarges the patches before they are stored."""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pcam_core.atomic import sha256_of
from pcam_core.errors import InputError
from pcam_core.precision import Precision
from pcam_core.superres.hub_download import HUB_HANDLE, download_hub_esrgan
from pcam_core.superres.on_levels import Levels, jit_choices, on_levels, whole_levels
from pcam_core.superres.remote_file import fetch_model, is_remote

if TYPE_CHECKING:
    import keras

_LANCZOS_SCALE = 4
_HUB_SCALE = 4


@dataclass(frozen=True)
class Upscaler:
    """Enlarges stored patches by a whole factor.

    Args:
        scale: Output pixels per input pixel along each axis, at least 1.
        enlarge: Takes float32 (B, H, W, 3) of 0..255 to float32 (B, H*scale, W*scale, 3) on the
            same scale, unclipped.
        precision: What its network computes with; None where it has no network.
        model: The network, where Keras can compile it anew, between uint8 levels; see
            `whole_levels`.

    Example:
        >>> open_upscaler("lanczos", (0.0, 255.0))(np.zeros((2, 32, 32, 3), np.uint8)).shape
        (2, 128, 128, 3)
    """

    scale: int
    enlarge: Callable[[Levels], Levels]
    precision: Precision | None = None
    model: "keras.Model | None" = None

    def __call__(self, patches: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Enlarges a batch; give batches of one shape, for each new shape is compiled anew.

        Args:
            patches: uint8 (B, H, W, 3), 0..255.

        Returns:
            uint8 (B, H*scale, W*scale, 3): clipped to 0..255, then truncated, not rounded, as
            the source document's cast does.
        """
        if self.model is not None:
            return np.asarray(self.model.predict_on_batch(patches))
        enlarged = self.enlarge(patches.astype(np.float32))
        return np.clip(enlarged, 0.0, 255.0).astype(np.uint8)

    def compile(self, jit: bool) -> None:
        """Compile the network, if Keras has it, anew: with XLA or without."""
        if self.model is not None:
            self.model.compile(jit_compile=jit)

    def jit_choices(self) -> tuple[bool, ...]:
        """What `compile` may be told here, the usual answer first."""
        return (False,) if self.model is None else jit_choices()


def open_upscaler(
    source: str,
    input_range: tuple[float, float],
    cache: Path | None = None,
    *,
    precision: Precision = "float32",
    jit: bool | None = None,
    trusted: Collection[str] = (),
) -> Upscaler:
    """The upscaler that a configuration names.

    Args:
        source: One of

            - ``"none"``: the stored patch is the crop itself, scale 1;
            - ``"lanczos"``: Pillow's LANCZOS, scale 4;
            - ``"esrgan"``: ESRGAN with its published weights, downloaded once, scale 4;
            - the path of a SavedModel folder of captain-pool/esrgan-tf2, read but never run;
            - the path of another SavedModel folder, run as a program if it is ``trusted``;
            - a path that ends in ``.keras``: any Keras image model of a whole scale;
            - ``s3://bucket/key.keras``: the same, downloaded once.
        input_range: Lowest and highest pixel value that a ``.keras`` model or a foreign
            SavedModel takes and gives: (0, 1) or (0, 255). The others have theirs, and ignore it.
        cache: Folder that keeps the download; by default, for ESRGAN, ``TFHUB_CACHE_DIR``, else
            ``$XDG_CACHE_HOME/pcam/tfhub`` (``~/.cache/pcam/tfhub``); for a ``.keras`` file
            ``$XDG_CACHE_HOME/pcam/superres``.
        precision: What the network computes with, its last convolution excepted. A foreign
            SavedModel computes as it was saved.
        jit: Whether XLA compiles the network; by default under JAX only.
        trusted: What `digest` gives for SavedModels that may be run.

    Raises:
        InputError: The path is missing or of no known kind, the download failed, a foreign
            SavedModel is not trusted, the model cannot be loaded in safe mode or does not match
            its checksum, its scale is not a whole number, or grey patches do not stay grey in
            ``input_range``.
    """
    if source == "none":
        return Upscaler(1, lambda patches: patches)
    if source == "lanczos":
        return Upscaler(_LANCZOS_SCALE, _lanczos)
    if source == "esrgan":
        return _open_hub(download_hub_esrgan(cache), precision, jit)
    path = _existing(source, cache)
    if path.is_file():
        from pcam_core.superres.keras_file import open_keras_file

        return open_keras_file(path, input_range, precision, jit)
    from pcam_core.superres.hub_weights import ForeignArchitectureError

    try:
        return _open_hub(path, precision, jit)
    except ForeignArchitectureError as error:
        return _open_foreign(path, input_range, trusted, error)


def digest(source: str) -> str:
    """A text that changes when the weights that ``source`` names do; for cache keys.

    Args:
        source: As for ``open_upscaler``.

    Returns:
        The sha256, in 64 hex digits, of a ``.keras`` file or over the names and contents of
        ``saved_model.pb`` and ``variables/*``; TF-Hub's versioned handle for ``"esrgan"``;
        ``"none"`` and ``"lanczos"`` themselves.

    Raises:
        InputError: The path is missing or of no known kind.
    """
    if source in {"none", "lanczos"}:
        return source
    if source == "esrgan":
        return HUB_HANDLE
    path = _existing(source)
    if path.is_file():
        return sha256_of(path)
    files = [path / "saved_model.pb", *sorted((path / "variables").glob("variables.*"))]
    lines = [f"{file.relative_to(path).as_posix()} {sha256_of(file)}\n" for file in files]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _existing(source: str, cache: Path | None = None) -> Path:
    if is_remote(source):
        return fetch_model(source, cache)
    path = Path(source).expanduser()
    remedy = (
        "Give none, lanczos, esrgan, the folder of a SavedModel, or a path or s3:// address "
        "ending in .keras."
    )
    if not path.exists():
        raise InputError(f"The super-resolution source {source} does not exist.", remedy)
    keras_file = path.is_file() and path.suffix == ".keras"
    saved_model = (path / "saved_model.pb").is_file() and (path / "variables").is_dir()
    if not (keras_file or saved_model):
        raise InputError(f"{source} is neither a .keras file nor a SavedModel folder.", remedy)
    return path


def _lanczos(patches: Levels) -> Levels:
    height, width = (_LANCZOS_SCALE * length for length in patches.shape[1:3])
    # Pillow itself: the store is made on the CPU, and its result is the one to agree with.
    return np.stack(
        [
            np.asarray(
                Image.fromarray(patch).resize((width, height), Image.Resampling.LANCZOS),
                np.float32,
            )
            for patch in patches.astype(np.uint8)
        ]
    )


def _open_hub(folder: Path, precision: Precision, jit: bool | None) -> Upscaler:
    from pcam_core.superres.half import set_precision
    from pcam_core.superres.hub_weights import load_hub_esrgan
    from pcam_core.superres.rrdb import RRDB_RANGE

    model = load_hub_esrgan(folder)
    set_precision(model, precision)
    jit = jit_choices()[0] if jit is None else jit
    model.compile(jit_compile=jit)
    enlarge, levels = on_levels(model, RRDB_RANGE[1]), whole_levels(model, RRDB_RANGE[1])
    upscaler = Upscaler(_HUB_SCALE, enlarge, precision, levels)
    upscaler.compile(jit)
    return upscaler


def _open_foreign(
    folder: Path,
    input_range: tuple[float, float],
    trusted: Collection[str],
    found: InputError,
) -> Upscaler:
    sha256 = digest(str(folder))
    if sha256 not in trusted:
        raise InputError(
            found.problem,
            f"{found.remedy} To run it as it is, add its sha256 {sha256} to "
            "prepare.trusted_savedmodels, if you trust whoever made it: a SavedModel is a program "
            "that can read and write your files.",
        ) from found
    from pcam_core.superres.saved_model import open_trusted_saved_model

    return open_trusted_saved_model(folder, input_range)
