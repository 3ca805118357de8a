"""The search as a stage: what it writes, its cap on steps, and several processes at it."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from pcam_core.augment.settings import AugmentSettings
from pcam_core.models.settings import NetworkSettings, SearchSpace
from pcam_core.patch_store import write_patch_store
from pcam_core.stages.tune import TuneSettings, read_best, read_trials, tune
from pcam_core.training.settings import TrainingSettings
from pcam_core.training.trials import Trials

ROOT = Path(__file__).parents[2]
PATCHES = 24
SPACE = SearchSpace(conv_layers=(1, 1), filters=(4,), kernels=(3,), augmentation_strength=(0.5, 2))
SETTINGS = TuneSettings(
    model="winner",
    objective="val_auc",
    max_epochs=1,
    space=SPACE,
    training=TrainingSettings(batch_size=4, watch="val_auc"),
    max_trial_steps=2,
)
GIVEN = {
    "network": NetworkSettings(image_size=32, weights="none", precision="float32"),
    "augmentation": AugmentSettings(policy="tissue"),
}


@pytest.fixture
def inputs(artifact):
    number = np.arange(PATCHES)
    table = pd.DataFrame({"id": [f"p{n:02d}" for n in number], "label": number % 2})
    parts = np.array(["train", "train", "validation", ""])
    table = table.assign(group="g", role="train", tune=parts[number // 2 % 4])

    def splits(folder):
        table.to_csv(folder / "splits.csv", index=False)
        return {}

    def prepared(folder):
        pixels = np.random.default_rng(0).integers(0, 256, (PATCHES, 32, 32, 3), np.uint8)
        write_patch_store(folder / "train", list(table["id"]), lambda _: [pixels])
        return {}

    return {
        "prepared": artifact("prepared", prepared),
        "splits": artifact("splits", splits),
        "comparison": artifact("comparison", lambda _: {"winner": "custom_cnn"}),
    }


def test_the_winner_is_tuned_on_disjoint_patches(inputs, tmp_path, monkeypatch):
    seen = []
    train = Trials.train

    def looking(self, *details):
        seen.append(self)
        return train(self, *details)

    monkeypatch.setattr(Trials, "train", looking)
    found = tune.build(tmp_path, **inputs, **GIVEN, settings=SETTINGS)
    (one,) = seen
    assert set(one.training["id"]).isdisjoint(one.validation["id"])
    assert one.trainer.settings.max_steps == 2
    assert found.figures["patches"] == {"train": 12, "validation": 6}
    assert (found.figures["trials"], found.figures["failed"]) == (1, 0)
    name, hyperparameters = read_best(found)
    assert name == "tunable_cnn"
    assert 0.5 <= hyperparameters["augmentation_strength"] <= 2
    assert hyperparameters == found.figures["hyperparameters"]
    (trial,) = read_trials(found).to_dict("records")
    assert (trial["status"], trial["goes_on_from"], trial["note"]) == ("COMPLETED", "", "")
    assert sorted(path.name for path in found.path.iterdir()) == [
        "best.json",
        "manifest.json",
        "trials.csv",
    ]


@pytest.mark.parametrize(
    ("cap", "steps", "wanted"), [(None, None, None), (None, 7, 7), (40, 7, 2), (400, 7, 7)]
)
def test_steps_of_a_trial_are_capped(cap, steps, wanted):
    settings = TuneSettings(max_trial_steps=cap, training=TrainingSettings(max_steps=steps))
    assert settings.max_epochs == 20
    assert settings.trial_training.max_steps == wanted


def test_a_cap_leaves_a_step_an_epoch():
    with pytest.raises(ValidationError, match="at least max_epochs"):
        TuneSettings(max_epochs=20, max_trial_steps=19)


WORK = """
import json, sys
from pathlib import Path

from pcam_core.artifact import Artifact
from pcam_core.augment.settings import AugmentSettings
from pcam_core.models.settings import NetworkSettings
from pcam_core.stages.tune import TuneSettings, tune

told = json.loads(sys.argv[1])
found = tune.build(
    Path(told["root"]),
    **{name: Artifact(**one | {"path": Path(one["path"])}) for name, one in told["inputs"].items()},
    network=NetworkSettings(**told["network"]),
    augmentation=AugmentSettings(**told["augmentation"]),
    settings=TuneSettings(**told["settings"]),
)
print(found.key)
"""


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_workers_share_a_search(inputs, tmp_path):
    settings = SETTINGS.model_copy(update={"max_epochs": 2, "factor": 2})
    told = {
        "root": str(tmp_path / "shared"),
        "inputs": {
            name: {"stage": one.stage, "key": one.key, "path": str(one.path)}
            for name, one in inputs.items()
        },
        **{name: given.model_dump(mode="json") for name, given in GIVEN.items()},
        "settings": settings.model_dump(mode="json"),
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "KERASTUNER_ORACLE_IP": "127.0.0.1",
        "KERASTUNER_ORACLE_PORT": str(port),
    }
    running = [
        subprocess.Popen(
            [sys.executable, "-c", WORK, json.dumps(told)],
            env=environment | {"KERASTUNER_TUNER_ID": name},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in ("chief", "worker-1", "worker-2")
    ]
    ended = [process.communicate(timeout=280) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], ended
    keys = {output.strip() for output, _ in ended}  # and keras-tuner prints nothing
    assert len(keys) == 1
    found = tune.reference(tmp_path / "shared", keys.pop())
    trials = read_trials(found)
    assert len(trials) == 5
    assert set(trials["status"]) == {"COMPLETED"}
    assert (trials["goes_on_from"] != "").sum() == 1
    assert trials["seconds"].gt(0).all()
