"""Patches that the split leaves unused take part in no fold: the store does not even hold them."""

import json

import numpy as np
import pandas as pd
import pytest

from pcam_core.augment.settings import AugmentSettings
from pcam_core.models.settings import NetworkSettings
from pcam_core.patch_store import write_patch_store
from pcam_core.stages.compare import CompareSettings, compare
from pcam_core.stages.crossvalidate import CrossValidateSettings, crossvalidate
from pcam_core.stages.random_split import random_split, read_random_split
from pcam_core.training.settings import TrainingSettings

TRAINING = TrainingSettings(epochs=1, max_steps=1, batch_size=4)
CUT = {
    "network": NetworkSettings(image_size=32, weights="none"),
    "augmentation": AugmentSettings(policy="none"),
}
FOLDS = [0, 0, 0, 0, 1, 1, 1, 1, -1, -1]
ROLES = ["train"] * 8 + ["unused", "test"]


@pytest.fixture
def split_patches(artifact):
    """Ten patches, of which one is unused and one is for the test, and the store of the rest."""
    number = np.arange(len(FOLDS))
    table = pd.DataFrame({"id": [f"p{n}" for n in number], "label": number % 2, "role": ROLES})
    table = table.assign(group=["a", "b"] * 5, compare_fold=FOLDS, cv_fold=FOLDS, tune="")

    def splits(folder):
        table.to_csv(folder / "splits.csv", index=False)
        return {}

    def prepared(folder):
        pixels = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), np.uint8)
        write_patch_store(folder / "train", list(table["id"][:8]), lambda _: [pixels])
        return {}

    def tuned(folder):
        best = {"model": "custom_cnn", "hyperparameters": {}}
        (folder / "best.json").write_text(json.dumps(best))
        return best

    return {"splits": artifact("splits", splits), "prepared": artifact("prepared", prepared)}, (
        artifact("tuned", tuned)
    )


def test_no_fold_has_them(split_patches, tmp_path):
    given, tuned = split_patches
    compared = compare.build(
        tmp_path, **given, **CUT, settings=CompareSettings(models=["custom_cnn"], training=TRAINING)
    )
    folds = {"others": {}, "settings": CrossValidateSettings(training=TRAINING)}
    checked = crossvalidate.build(tmp_path, **given, **CUT, tuned=tuned, **folds)
    for found in (compared, checked):
        predictions = pd.read_csv(found.path / "predictions.csv")
        assert sorted(predictions["id"]) == [f"p{n}" for n in range(8)]
        assert set(predictions["fold"]) == {0, 1}
    drawn = random_split.build(tmp_path, **given, **CUT, tuned=tuned, **folds)
    assert len(read_random_split(drawn)) == drawn.figures["patches"] == 4
    assert set(read_random_split(drawn)["id"]) < {f"p{n}" for n in range(8)}
    assert drawn.figures["leaking"] == 1
