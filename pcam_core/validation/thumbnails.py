"""Pictures of the patches that people should look at."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from pcam_core.patches import SIDE, Pixels
from pcam_core.validation.suspects import OTHER_FORM, UNREADABLE

FILE = "thumbnails.npz"
A_REASON = 24
"""Most pictures of one reason."""


def write_thumbnails(
    folder: Path, suspects: pd.DataFrame, decode: Callable[[str, str], Pixels]
) -> None:
    """Keep the pixels of the first 24 suspects of each reason that have any.

    Writes `thumbnails.npz`: rows int64 (n,), places in `suspects`, and pixels uint8
    (n, 96, 96, 3), RGB, 0..255.

    Args:
        folder: Where to.
        suspects: What `find_suspects` returned.
        decode: From a part and an id to pixels.
    """
    chosen = suspects[~suspects["reason"].isin([UNREADABLE, OTHER_FORM])]
    chosen = chosen.groupby("reason").head(A_REASON)
    patches = [decode(*patch) for patch in zip(chosen["part"], chosen["id"], strict=True)]
    pixels = np.stack(patches) if patches else np.empty((0, SIDE, SIDE, 3), np.uint8)
    np.savez_compressed(folder / FILE, rows=chosen.index.to_numpy(np.int64), pixels=pixels)


def read_thumbnails(folder: Path) -> dict[int, npt.NDArray[np.uint8]]:
    """Return uint8 pixels (96, 96, 3) by the row of the suspect that they show."""
    with np.load(folder / FILE) as arrays:
        return dict(zip(arrays["rows"].tolist(), arrays["pixels"], strict=True))
