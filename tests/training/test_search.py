import errno
import os
import signal
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import keras_tuner
import numpy as np
import pytest
from keras_tuner import Objective
from keras_tuner.oracles import HyperbandOracle
from pandas.testing import assert_frame_equal

from pcam_core.augment.settings import AugmentSettings
from pcam_core.errors import InputError
from pcam_core.models.settings import SearchSpace
from pcam_core.stages.tune import hyperband_rounds
from pcam_core.training.epochs import listening_to_epochs
from pcam_core.training.search import hyperband
from pcam_core.training.stall import StalledError
from pcam_core.training.trainer import Trainer
from pcam_core.training.trial_columns import TOLD
from pcam_core.training.trials import Trials

ROOT = Path(__file__).parents[2]
SMALL = {"conv_layers": 1, "conv_0_filters": 4, "conv_0_kernel": 3}
SPACE = SearchSpace(
    conv_layers=(1, 1),
    filters=(4,),
    kernels=(3,),
    dense_units=(64, 128),
    dropout=(0.2, 0.4),
    augmentation_strength=(0.5, 1.5),
)


def test_the_notebooks_hyperband_has_30_trials_and_226_epochs():
    rounds = list(hyperband_rounds(20, 3))
    assert sum(trials for trials, _ in rounds) == 30
    assert sum(trials * epochs for trials, epochs in rounds) == 226


@pytest.mark.parametrize("most", [1, 2, 3, 9, 27, 81])
@pytest.mark.parametrize("factor", [2, 3])
def test_rounds_are_sound(most, factor):
    rounds = list(hyperband_rounds(most, factor))
    assert all(trials >= 1 and epochs >= 0 for trials, epochs in rounds)
    assert max(epochs for _, epochs in rounds) <= most


@pytest.fixture(scope="module")
def mixed(table):
    """Labels that patches do not show, so that scores differ."""
    return table.assign(label=table["label"].sample(frac=1, random_state=1).to_numpy())


@pytest.fixture(scope="module")
def trials(trainer, mixed):
    def make(folder, space=SPACE):
        return Trials(
            trainer("tissue", max_steps=1),
            "tunable_cnn",
            mixed[mixed["fold"] == 0],
            mixed[mixed["fold"] == 1],
            space,
            "val_auc",
            folder,
        )

    return make


@pytest.fixture(scope="module")
def undisturbed(trials, tmp_path_factory):
    return hyperband(trials(tmp_path_factory.mktemp("search")), max_epochs=2, factor=2)


def test_a_small_search_returns_its_trials_best_first(undisturbed):
    rounds = list(hyperband_rounds(2, 2))
    assert len(undisturbed) == sum(trials for trials, _ in rounds)
    assert set(undisturbed["status"]) == {"COMPLETED"}
    assert undisturbed["score"].is_monotonic_decreasing
    assert undisturbed["score"].between(0, 1).all()
    assert undisturbed["trial"].is_unique
    assert set(undisturbed["epochs"]) == {1, 2}
    assert undisturbed["learning_rate"].between(1e-4, 1e-2).all()
    assert undisturbed["dropout"].between(0.2, 0.4).all()
    assert set(undisturbed["dense_units"]) <= {64, 128}
    assert set(undisturbed["conv_layers"]) == {1}
    assert undisturbed["augmentation_strength"].between(0.5, 1.5).all()
    assert undisturbed["augmentation_strength"].nunique() > 1


def test_the_best_trial_of_a_round_goes_on(undisturbed):
    byname = undisturbed.set_index("trial")
    (longer,) = byname[byname["goes_on_from"] != ""].to_dict("records")
    origin = byname.loc[longer["goes_on_from"]]
    assert (origin["epochs"], longer["epochs"]) == (1, 2)
    assert origin["score"] == byname.loc[byname["epochs"] == 1, "score"].max()
    assert longer["score"] >= origin["score"]
    assert all(longer[name] == origin[name] for name in byname if name not in TOLD)


# In the fourth trial, of two epochs, between the two.
KILLED = """
import os, signal, sys
from pathlib import Path

import pandas as pd

from pcam_core.augment.settings import AugmentSettings
from pcam_core.models.settings import NetworkSettings, SearchSpace
from pcam_core.patch_store import PatchStore
from pcam_core.training.checkpoints import Checkpoints
from pcam_core.training.search import hyperband
from pcam_core.training.settings import TrainingSettings
from pcam_core.training.trainer import Trainer
from pcam_core.training.trials import Trials

save, saved = Checkpoints.save, []

def saving(self, state):
    save(self, state)
    saved.append(state)
    if len(saved) == 4:
        os.kill(os.getpid(), signal.SIGKILL)

Checkpoints.save = saving
store, table, folder = map(Path, sys.argv[1:])
mixed = pd.read_csv(table)
trainer = Trainer(
    PatchStore(store),
    NetworkSettings(weights="none", image_size=32, precision="float32"),
    AugmentSettings(policy="tissue"),
    TrainingSettings(epochs=2, batch_size=8, watch="val_auc", max_steps=1),
)
space = SearchSpace.model_validate_json(SPACE)
parts = mixed[mixed["fold"] == 0], mixed[mixed["fold"] == 1]
hyperband(
    Trials(trainer, "tunable_cnn", *parts, space, "val_auc", folder), max_epochs=2, factor=2
)
"""


@pytest.fixture(scope="module")
def killed(tiny_store_folder, mixed, tmp_path_factory):
    """What a search that SIGKILL ended in the middle of a trial leaves."""
    folder = tmp_path_factory.mktemp("killed")
    mixed.to_csv(folder / "table.csv", index=False)
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            KILLED.replace("(SPACE)", f"({SPACE.model_dump_json()!r})"),
            *(tiny_store_folder, folder / "table.csv", folder / "search"),
        ],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    return folder / "search"


def test_a_killed_search_goes_on_and_trains_nothing_twice(trials, undisturbed, killed, caplog):
    assert len(list(killed.glob("*/epochs-*"))) == 4  # three ended, one was begun
    (ended,) = (
        path for path in killed.glob("*/epochs-1") if (path.parent / "checkpoints").exists()
    )
    torn = [ended, *killed.glob("keras-tuner-*/oracle.json")]
    torn += killed.glob("keras-tuner-*/trial_0000/trial.json")
    assert len(torn) == 3
    for path in torn:
        path.write_bytes(path.read_bytes()[:-20])
    epochs = []
    with listening_to_epochs(epochs.append):
        found = hyperband(trials(killed), max_epochs=2, factor=2)
    assert_frame_equal(found.drop(columns="seconds"), undisturbed.drop(columns="seconds"))
    assert f"{ended} is damaged" in caplog.text
    assert [(each.what[-4:], each.epoch) for each in epochs] == [
        ("0003", 2),
        ("0004", 1),
        ("0004", 2),
    ]


@pytest.fixture
def failing(monkeypatch):
    """Trainings that fail: the first so many of them."""

    def make(error, times):
        train, started = Trainer.train, []

        def perhaps(self, *details):
            started.append(details)
            if len(started) <= times:
                raise error
            return train(self, *details)

        monkeypatch.setattr(Trainer, "train", perhaps)
        return started

    return make


def test_a_trial_that_fails_is_told_and_the_search_goes_on(trials, tmp_path, failing):
    failing(RuntimeError("RESOURCE_EXHAUSTED: allocating\n9 bytes"), times=1)
    found = hyperband(trials(tmp_path), max_epochs=2, factor=3)
    assert found["status"].tolist() == ["COMPLETED", "FAILED"]
    assert found["trial"].tolist() == ["0001", "0000"]
    assert np.isnan(found["score"].iloc[1])
    assert found["note"].tolist() == ["", "Out of memory: RESOURCE_EXHAUSTED: allocating 9 bytes"]
    # Where it is gone on with, the one that failed has another try.
    again = failing(RuntimeError("again"), times=1)
    found = hyperband(trials(tmp_path), max_epochs=2, factor=3)
    assert len(again) == 1
    assert found["note"].tolist() == ["", "RuntimeError: again"]


@pytest.mark.slow
def test_a_network_too_large_for_the_machine_is_told_and_the_search_goes_on(
    trials, trainer, tmp_path
):
    """No address is left for 240 TB; TensorFlow waits ten seconds before it gives in."""
    space = SPACE.model_copy(update={"filters": (2**41, 4, 8)})
    one = replace(trials(tmp_path, space), trainer=trainer("tissue", max_steps=1, batch_size=1))
    found = hyperband(one, max_epochs=2, factor=2)
    failed = found["conv_0_filters"] == 2**41
    assert found["status"].tolist() == ["FAILED" if each else "COMPLETED" for each in failed]
    assert 0 < failed.sum() < len(found)
    assert found["score"].isna().tolist() == failed.tolist()
    assert found.loc[failed, "note"].str.startswith("Out of memory: OOM when allocating").all()


def test_a_trial_that_ends_its_process_is_given_up(trials, tmp_path, failing):
    started = failing(KeyboardInterrupt(), times=3)
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            hyperband(trials(tmp_path), max_epochs=2, factor=3)
    found = hyperband(trials(tmp_path), max_epochs=2, factor=3)
    assert len(started) == 4
    assert found["status"].tolist() == ["COMPLETED", "FAILED"]
    assert found["note"].iloc[1].startswith("Out of memory: probably, since 3 times the process")


def test_a_search_without_a_single_score(trials, tmp_path, failing):
    failing(FloatingPointError("the loss is no number any more"), times=99)
    with pytest.raises(InputError, match="None of 4 trials of tunable_cnn could be trained") as no:
        hyperband(trials(tmp_path), max_epochs=2, factor=2)
    assert "FloatingPointError: the loss is no number any more" in no.value.problem
    assert "tune.space" in no.value.remedy


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), StalledError("nothing moved")]
)
def test_what_would_end_every_trial_ends_the_search(trials, tmp_path, failing, error):
    started = failing(error, times=99)
    with pytest.raises(type(error)) as raised:
        hyperband(trials(tmp_path), max_epochs=2, factor=2)
    assert raised.value is error
    assert len(started) == 1


def test_a_tuned_strength_is_what_a_training_augments_with(trainer, table):
    one = trainer("tissue")
    weak = replace(one, augmentation=AugmentSettings(policy="tissue", strength=0.5))

    def first(trainer, **hyperparameters):
        loop = trainer.loop("tunable_cnn", SMALL | hyperparameters, table, table, "Look")
        with closing(loop.feed.batches(0, 0)) as batches:
            return np.asarray(next(batches)[0])

    tuned = first(one, augmentation_strength=0.5)
    np.testing.assert_array_equal(tuned, first(weak))
    assert not np.array_equal(tuned, first(one))


def test_a_backbone_can_be_chosen(trials, tmp_path):
    hp = keras_tuner.HyperParameters()
    space = SearchSpace(backbones=("resnet50", "convnext_tiny"))
    one = replace(trials(tmp_path, space), name="resnet50")
    one.draw(hp)
    hp.values["backbone"] = "convnext_tiny"
    name, drawn = one.draw(hp)
    assert name == "convnext_tiny"
    assert set(drawn) == {"dropout", "learning_rate"}
    assert replace(one, name="custom_cnn").draw(keras_tuner.HyperParameters())[0] == "custom_cnn"


def test_layers_that_a_trial_does_not_have_are_not_drawn(trials, tmp_path):
    hp = keras_tuner.HyperParameters()
    one = trials(tmp_path, SearchSpace())
    one.draw(hp)
    declared = {each.name for each in hp.space}
    assert {"conv_3_filters", "conv_3_kernel", "dense_units", "dropout"} < declared
    for depth in (2, 3, 4):
        hp.values["conv_layers"] = depth
        hp.ensure_active_values()
        _, drawn = one.draw(hp)
        assert sum(name.endswith("_filters") for name in drawn) == depth
        assert {each.name for each in hp.space} == declared


@pytest.mark.parametrize("most", [1, 3, 20, 27, 40])
@pytest.mark.parametrize("factor", [2, 3, 4])
def test_rounds_are_keras_tuners(most, factor):
    oracle = HyperbandOracle(Objective("val_f1", "max"), max_epochs=most, factor=factor)
    wanted, got = [], list(hyperband_rounds(most, factor))
    for bracket in reversed(range(oracle._get_num_brackets())):
        ends = [0, *(oracle._get_epochs(bracket, number) for number in range(bracket + 1))]
        wanted += [
            (oracle._get_size(bracket, number), ends[number + 1] - ends[number])
            for number in range(bracket + 1)
        ]
    assert got == wanted
