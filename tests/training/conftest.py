"""A tiny store of patches in which the label is brightness, and trainers on it."""

import random
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pcam_core.patch_store import PatchStore, write_patch_store

SIDE = 32
PATCHES = 32


@pytest.fixture(scope="session")
def table() -> pd.DataFrame:
    number = np.arange(PATCHES)
    return pd.DataFrame(
        {"id": [f"p{n:02d}" for n in number], "label": number % 2, "fold": number // 2 % 2}
    )


@pytest.fixture(scope="session")
def tiny_store_folder(tmp_path_factory: pytest.TempPathFactory, table: pd.DataFrame) -> Path:
    """The folder of the store; its rows stand in another order than the table's."""
    mixed = table.sample(frac=1, random_state=3)
    dark = mixed["label"].to_numpy()[:, None, None, None] * 100
    noise = np.random.default_rng(0).integers(0, 156, (PATCHES, SIDE, SIDE, 3))
    folder = tmp_path_factory.mktemp("stores") / "train"
    write_patch_store(folder, mixed["id"].tolist(), lambda _: [(noise + dark).astype(np.uint8)])
    return folder


@pytest.fixture(scope="session")
def tiny_store(tiny_store_folder: Path) -> PatchStore:
    return PatchStore(tiny_store_folder)


@pytest.fixture(scope="session")
def trainer(tiny_store: PatchStore) -> Callable[..., Any]:
    """Makes a trainer on the store: a policy, an image size and training settings."""

    def make(policy: str = "none", side: int = SIDE, **settings: Any) -> Any:
        from pcam_core.augment.settings import AugmentSettings
        from pcam_core.models.settings import NetworkSettings
        from pcam_core.training.settings import TrainingSettings
        from pcam_core.training.trainer import Trainer

        network = NetworkSettings(weights="none", image_size=side, precision="float32")
        chosen = {"epochs": 2, "batch_size": 8, "watch": "val_auc", **settings}
        return Trainer(
            tiny_store, network, AugmentSettings(policy=policy), TrainingSettings(**chosen)
        )

    return make


@pytest.fixture(scope="module")
def others_drawing():
    """Another thread draws from Python's shared random generator, as Prefect's do."""
    stop = threading.Event()

    def draw():
        while not stop.wait(1e-5):
            random.random()

    thread = threading.Thread(target=draw)
    thread.start()
    yield
    stop.set()
    thread.join()
