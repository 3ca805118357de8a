"""A training that is killed goes on, and ends as if nothing had happened."""

import logging
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pcam_core.training import loop
from pcam_core.training.checkpoints import Checkpoints
from pcam_core.training.folds import train_folds
from pcam_core.training.trainer import Trainer

ROOT = Path(__file__).parents[2]
# Everything that has state: dropout, batch norm, Adam, averaged weights, plateau, clipping.
SETTINGS = {
    "epochs": 3,
    "batch_size": 8,
    "watch": "val_auc",
    "optimizer": "adamw",
    "ema": 0.9,
    "clip_norm": 1.0,
    "plateau_patience": 1,
    "class_weights": "balanced",
}
SMALL = {"conv_layers": 1, "conv_0_filters": 4, "conv_0_kernel": 3, "learning_rate": 0.02}
# In the second of three epochs of four steps, two steps after the last checkpoint.
KILLED = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path

import pandas as pd

from pcam_core.augment.settings import AugmentSettings
from pcam_core.models.settings import NetworkSettings
from pcam_core.patch_store import PatchStore
from pcam_core.training.checkpoints import Checkpoints
from pcam_core.training.settings import TrainingSettings
from pcam_core.training.trainer import Trainer

asked = 0

def due(self):
    global asked
    asked += 1
    if asked == 7:
        os.kill(os.getpid(), signal.SIGKILL)
    return asked == 5

Checkpoints.due = property(due)
table = pd.read_csv(sys.argv[2])
trainer = Trainer(
    PatchStore(Path(sys.argv[1])),
    NetworkSettings(weights="none", image_size=32, precision="float32"),
    AugmentSettings(policy="tissue"),
    TrainingSettings(**SETTINGS),
)
trainer.train("tunable_cnn", SMALL, table, table, "Killed", Path(sys.argv[3]))
"""


@pytest.fixture(scope="module")
def one(trainer):
    return trainer("tissue", **SETTINGS)


@pytest.fixture(scope="module")
def undisturbed(one, table):
    return one.train("tunable_cnn", SMALL, table, table, "Undisturbed")


@pytest.fixture(scope="module")
def killed(tiny_store_folder, table, tmp_path_factory):
    """Checkpoints of a process that SIGKILL ended in the middle of an epoch."""
    folder = tmp_path_factory.mktemp("killed")
    table.to_csv(folder / "table.csv", index=False)
    code = KILLED.replace("**SETTINGS", f"**{SETTINGS!r}").replace("SMALL", repr(SMALL))
    done = subprocess.run(
        [sys.executable, "-c", code, tiny_store_folder, folder / "table.csv", folder / "kept"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return folder / "kept"


def assert_equal(found, wanted):
    for values, others in zip(found.model.get_weights(), wanted.model.get_weights(), strict=True):
        np.testing.assert_array_equal(values, others)
    np.testing.assert_array_equal(found.probabilities, wanted.probabilities)
    assert found.history.to_dict() == wanted.history.to_dict()


def test_sigkill_amid_an_epoch(one, undisturbed, killed, table, caplog):
    left = Checkpoints(killed, 60).latest().plain
    assert (left["epoch"], left["step"]) == (1, 1)
    with caplog.at_level(logging.INFO):
        found = one.train("tunable_cnn", SMALL, table, table, "Again", killed)
    assert "Again goes on at epoch 2, step 2" in caplog.text
    assert_equal(found, undisturbed)
    # What is finished already is only read.
    assert_equal(one.train("tunable_cnn", SMALL, table, table, "Done", killed), undisturbed)


OFTEN = """
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from pcam_core.augment.settings import AugmentSettings
from pcam_core.models.settings import NetworkSettings
from pcam_core.patch_store import PatchStore
from pcam_core.training.settings import TrainingSettings
from pcam_core.training.trainer import Trainer

table = pd.read_csv(sys.argv[2])
trainer = Trainer(
    PatchStore(Path(sys.argv[1])),
    NetworkSettings(weights="none", image_size=32, precision="float32"),
    AugmentSettings(policy="tissue"),
    TrainingSettings(**SETTINGS),
    checkpoint_seconds=0,
)
found = trainer.train("tunable_cnn", SMALL, table, table, "Often", Path(sys.argv[3]))
np.save(sys.argv[4], found.probabilities)
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_sigkill_at_any_moment_and_again(trainer, tiny_store_folder, table, tmp_path):
    seed = int(time.time())
    print("seed", seed)
    rng = random.Random(seed)
    settings = SETTINGS | {"epochs": 8, "batch_size": 2, "stop_patience": 8}
    code = OFTEN.replace("**SETTINGS", f"**{settings!r}").replace("SMALL", repr(SMALL))
    table.to_csv(tmp_path / "table.csv", index=False)
    kept, probabilities = tmp_path / "kept", tmp_path / "probabilities.npy"
    paths = [tiny_store_folder, tmp_path / "table.csv", kept, probabilities]
    kills = 0
    while not probabilities.exists():
        before = written(kept)
        running = subprocess.Popen(
            [sys.executable, "-c", code, *paths], env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
        while running.poll() is None and written(kept) == before:
            time.sleep(0.01)
        if kills < 4:
            time.sleep(rng.uniform(0, 0.5))
            running.kill()
        kills += running.wait() == -signal.SIGKILL
    assert kills >= 2
    wanted = trainer("tissue", **settings).train("tunable_cnn", SMALL, table, table, "At once")
    np.testing.assert_array_equal(np.load(probabilities), wanted.probabilities)


def written(folder):
    return max((path.stat().st_mtime_ns for path in folder.glob("[ab]")), default=0)


class InterruptedTrainingError(Exception):
    pass


@pytest.fixture
def interrupt(monkeypatch):
    """Interrupt a training after so many steps; each one leaves a checkpoint."""

    def after(steps):
        taken = []
        save = Checkpoints.save

        def counting(self, state):
            save(self, state)
            taken.append(state)
            if len(taken) == steps:
                raise InterruptedTrainingError

        monkeypatch.setattr(Checkpoints, "save", counting)

    return after


def damaged(folder):
    newest = max(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    newest.write_bytes(newest.read_bytes()[:-100])


def eager(trainer):
    return Trainer(
        trainer.store, trainer.network, trainer.augmentation, trainer.settings, checkpoint_seconds=0
    )


def test_a_damaged_checkpoint_costs_only_the_steps_since_the_one_before(
    one, undisturbed, table, tmp_path, interrupt, monkeypatch, caplog
):
    interrupt(8)  # in the second epoch, of whose start an earlier checkpoint tells
    with pytest.raises(InterruptedTrainingError):
        eager(one).train("tunable_cnn", SMALL, table, table, "Stopped", tmp_path)
    monkeypatch.undo()
    damaged(tmp_path)
    found = one.train("tunable_cnn", SMALL, table, table, "Again", tmp_path)
    assert "is damaged" in caplog.text
    assert_equal(found, undisturbed)


def test_finished_folds_are_not_trained_again(trainer, table, tmp_path, monkeypatch):
    one = trainer("tissue", epochs=1)
    wanted = train_folds(one, "tunable_cnn", SMALL, table, "fold", "Whole", tmp_path / "whole")
    train = Trainer.train
    started = []

    def stopping(self, *details, **more):
        started.append(details[4])
        if "fold 2" in details[4] and len(started) == 2:
            raise InterruptedTrainingError
        return train(self, *details, **more)

    monkeypatch.setattr(Trainer, "train", stopping)
    arguments = (one, "tunable_cnn", SMALL, table, "fold", "Compare", tmp_path / "folds")
    with pytest.raises(InterruptedTrainingError):
        train_folds(*arguments)
    found = train_folds(*arguments)
    assert [told[-6:] for told in started] == ["1 of 2", "2 of 2", "2 of 2"]
    assert found.predictions.equals(wanted.predictions)
    assert found.histories.equals(wanted.histories)
    assert found.figures | {"seconds": 0} == wanted.figures | {"seconds": 0}


def test_weights_that_are_no_numbers_leave_the_earlier_checkpoints(
    one, table, tmp_path, monkeypatch
):
    steps = []
    make = loop.make_steps

    def spoilt(network, strategy):
        step = make(network, strategy)

        class Spoilt(type(step)):
            def __call__(self, *batch):
                super().__call__(*batch)
                steps.append(1)
                if len(steps) == 6:
                    weight = self.network.trainable_variables[0]
                    weight.assign(weight * np.nan)

        step.__class__ = Spoilt
        return step

    monkeypatch.setattr(loop, "make_steps", spoilt)
    with pytest.raises(FloatingPointError, match="lower learning rate"):
        eager(one).train("tunable_cnn", SMALL, table, table, "Burst", tmp_path)
    left = Checkpoints(tmp_path, 60).latest()
    assert (left.plain["epoch"], left.plain["step"]) == (1, 1)
    assert all(np.isfinite(values).all() for values in left.arrays.values())
