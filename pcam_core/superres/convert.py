"""Keeps a converted ESRGAN as a file that opens without TensorFlow."""

from pathlib import Path
from tempfile import TemporaryDirectory

from pcam_core.atomic import replacing
from pcam_core.errors import InputError
from pcam_core.superres.checksum import checksum_file, write_checksum
from pcam_core.superres.hub_weights import load_hub_esrgan


def save_converted(folder: Path, target: Path) -> str:
    """Write the network of a captain-pool/esrgan-tf2 SavedModel as one ``.keras`` file.

    `open_upscaler` takes the file instead of the folder, gives the same pictures, compares it
    with its checksum, and needs no TensorFlow under another backend.

    Args:
        folder: The SavedModel; read, never run.
        target: The file to write, ending in ``.keras``; it appears whole, and replaces an older
            one. ``<target>.sha256`` appears beside it.

    Returns:
        The file's sha256, 64 hex digits.

    Raises:
        InputError: ``target`` ends otherwise, or see `load_hub_esrgan`.

    Example:
        >>> save_converted(Path("esrgan-tf2"), Path("esrgan.keras"))
    """
    if target.suffix != ".keras":
        raise InputError(f"{target} does not end in .keras.", "Name the file so: esrgan.keras.")
    model = load_hub_esrgan(folder)
    with replacing(target) as temporary, TemporaryDirectory(dir=target.parent) as beside:
        # Keras takes the format from the name's end.
        whole = Path(beside) / target.name
        model.save(whole)
        whole.replace(temporary)
        # An older file's must not stand beside the new one.
        checksum_file(target).unlink(missing_ok=True)
    return write_checksum(target)
