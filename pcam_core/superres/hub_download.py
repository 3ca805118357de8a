"""Fetches the published ESRGAN weights once and keeps them."""

import hashlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pcam_core.environment import variable
from pcam_core.errors import InputError
from pcam_core.user_cache import user_cache

HUB_HANDLE = "https://tfhub.dev/captain-pool/esrgan-tf2/1"

# tensorflow-hub keeps a model, whole, in a folder of this name: https://www.tensorflow.org/hub/caching
_FOLDER = hashlib.sha1(HUB_HANDLE.encode(), usedforsecurity=False).hexdigest()
_NETWORK_TIMEOUT_S = 60.0


def download_hub_esrgan(cache: Path | None = None) -> Path:
    """The SavedModel folder of captain-pool/esrgan-tf2, downloaded if it is not kept already.

    Args:
        cache: Folder that keeps it; by default ``TFHUB_CACHE_DIR``, else
            ``$XDG_CACHE_HOME/pcam/tfhub`` (``~/.cache/pcam/tfhub``).

    Raises:
        InputError: The download failed.
    """
    folder = cache or Path(os.environ.get("TFHUB_CACHE_DIR") or user_cache("tfhub"))
    kept = folder / _FOLDER
    if (kept / "saved_model.pb").is_file():  # without the seconds that importing TensorFlow takes
        return kept
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import tensorflow_hub

    try:
        with variable("TFHUB_CACHE_DIR", str(folder)), _network_timeout():
            return Path(tensorflow_hub.resolve(HUB_HANDLE))
    except Exception as error:  # whatever stands between here and the weights
        raise InputError(
            f"The ESRGAN weights could not be downloaded from {HUB_HANDLE}: {error}",
            "Try again with network access, or give a local SavedModel folder or .keras path "
            "instead.",
        ) from error


@contextmanager
def _network_timeout() -> Iterator[None]:
    # tensorflow-hub sets none of its own: a silent server would hold the stage for ever.
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_NETWORK_TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
