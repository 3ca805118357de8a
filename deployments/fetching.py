"""What `pcam fetch` brings, and what it says about it."""

import shlex
import sys
from pathlib import Path
from typing import Literal

from rich.console import Console

from deployments.terminal import progress_on_terminal
from pcam_core.units import megabytes

Source = Literal["kaggle", "pcam", "weights"]


def fetch_source(source: Source, out: Path) -> None:
    """Bring public data or weights into `out`, and say what to do with them.

    Raises:
        InputError: It cannot be had; see `fetch_kaggle`, `fetch_pcam` and `fetch_weights`.
    """
    {"kaggle": _kaggle, "pcam": _pcam, "weights": _weights}[source](out)


def _pcam(out: Path) -> None:
    from pcam_core.fetch.pcam import LICENCE, fetch_pcam

    with progress_on_terminal(Console(stderr=True)):
        files = fetch_pcam(out)
    size = megabytes(sum(file.stat().st_size for file in files))
    print(f"{len(files)} files, {size}, in {out}; every MD5 is right. Licence: {LICENCE}")
    _say_next(out)


def _kaggle(out: Path) -> None:
    from pcam_core.fetch.kaggle import ADDRESS, COUNTS, fetch_kaggle, is_complete

    if not is_complete(out):  # kagglehub shows the download itself, but unpacks in silence
        print(
            "kagglehub downloads 6 to 7 GB, then unpacks 277,483 files, which takes minutes.",
            file=sys.stderr,
        )
    fetch_kaggle(out)
    print(
        f"{COUNTS['train']:,} labelled patches and {COUNTS['test']:,} to score, in {out}."
        f" Terms: {ADDRESS}/rules"
    )
    _say_next(out)


def _weights(out: Path) -> None:
    from pcam_core.fetch.weights import LICENCES, fetch_weights

    with progress_on_terminal(Console(stderr=True)):
        weights = fetch_weights(out)
    print(f"The weights of {', '.join(LICENCES)} lie in {out}. Licences:")
    for name, licence in LICENCES.items():
        print(f"  {name}: {licence}")
    print(f"ESRGAN's publisher gives no checksum; its files' sha256 is {weights.esrgan_sha256}\n")
    print("On a machine without a connection, set (after copying the folder: with its path there)")
    for name, path in weights.variables.items():
        print(f"export {name}={shlex.quote(str(path))}")
    print("Keras looks there only if this user can also write to $KERAS_HOME.")


def _say_next(out: Path) -> None:
    print(f"Next: pcam train --recipe context --data {shlex.quote(str(out))}")
