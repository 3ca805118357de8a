"""A tiny data set in Kaggle's layout, for the stages that read raw data."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pcam_core.datasets.kaggle_folder import KaggleFolder


def _write_patch(path: Path, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path, format="TIFF")


def _table(header: str, rows: Iterable[tuple[object, object]]) -> str:
    return "\n".join([header, *(f"{one},{two}" for one, two in rows), ""])


@pytest.fixture
def kaggle_folder(tmp_path: Path) -> Callable[..., KaggleFolder]:
    """Writes 96x96 patches of noise: train (id to label), test ids, and maps if given.

    The key of what it returns is no content key.
    """

    def write(
        train: Mapping[str, int] | None = None,
        test: Iterable[str] = ("t0", "t1"),
        *,
        sample: Iterable[str] | None = None,
        slides: Mapping[str, object] | None = None,
    ) -> KaggleFolder:
        train = {f"p{n}": n % 2 for n in range(6)} if train is None else train
        folder = tmp_path / "data"
        for part, ids in (("train", train), ("test", test)):
            (folder / part).mkdir(parents=True)
            for number, name in enumerate(ids):
                _write_patch(folder / part / f"{name}.tif", 1000 * len(part) + number)
        tables = {
            "train_labels.csv": _table("id,label", train.items()),
            "sample_submission.csv": sample and _table("id,label", ((name, 0) for name in sample)),
            "patch_id_wsi_full.csv": slides and _table("id,wsi", slides.items()),
        }
        for name, text in tables.items():
            if text:
                (folder / name).write_text(text)
        return KaggleFolder(address=str(folder), path=folder, key="raw")

    return write
