"""Folds that are trained by two processes of a Dask cluster."""

import numpy as np
import pandas as pd
import pytest

from pcam_core.augment.settings import AugmentSettings
from pcam_core.fan_out import employing
from pcam_core.models.settings import NetworkSettings
from pcam_core.patch_store import PatchStore, write_patch_store
from pcam_core.progress import listening
from pcam_core.training.folds import model_file, train_folds
from pcam_core.training.settings import TrainingSettings
from pcam_core.training.trainer import Trainer
from tasks.dask_workers import dask_workers

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SMALL = {"conv_layers": 1, "conv_0_filters": 4, "conv_0_kernel": 3, "dense_units": 16}


def test_folds_of_a_cluster_equal_those_trained_here(tmp_path):
    from distributed import LocalCluster

    number = np.arange(48)
    table = pd.DataFrame(
        {"id": [f"p{n}" for n in number], "label": number % 2, "fold": number // 2 % 3}
    )
    patches = np.random.default_rng(0).integers(0, 255, (48, 32, 32, 3), np.uint8)
    write_patch_store(tmp_path / "store", table["id"].tolist(), lambda _: [patches])
    trainer = Trainer(
        PatchStore(tmp_path / "store"),
        NetworkSettings(weights="none", image_size=32, precision="float32"),
        AugmentSettings(policy="tissue"),
        TrainingSettings(epochs=2, batch_size=8),
    )

    def folds(name):
        folder = tmp_path / name
        folder.mkdir()
        return train_folds(
            trainer, "tunable_cnn", SMALL, table, "fold", "Compare", folder / "checkpoints", folder
        )

    here = folds("here")
    told = []
    # Two threads a worker: they may not train at the same time.
    options = {"host": "127.0.0.1", "dashboard_address": "127.0.0.1:0", "memory_limit": None}
    with (
        LocalCluster(n_workers=2, threads_per_worker=2, **options) as cluster,
        employing(dask_workers(cluster.scheduler_address)),
        listening(told.append),
    ):
        there = folds("there")
    pd.testing.assert_frame_equal(there.predictions, here.predictions)
    for fold in range(3):
        file = model_file("tunable_cnn", fold)
        assert (tmp_path / "there" / file).read_bytes() == (tmp_path / "here" / file).read_bytes()
    assert {each.what for each in told} == {"Compare tunable_cnn on workers (folds)"}
