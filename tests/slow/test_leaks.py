"""Labels that say nothing: what every stage reports must be chance, unless groups are torn apart.

Each group is known by a mosaic of its own, which all of its patches show, and has a label by lot. A
network that has met some patches of a group can know the label of the others; one that has met none
can only guess.
"""

import html
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pcam_core.artifact import Artifact, seal
from pcam_core.augment.settings import AugmentSettings
from pcam_core.decision.settings import DecisionSettings
from pcam_core.models.settings import NetworkSettings, SearchSpace
from pcam_core.patch_store import write_patch_store
from pcam_core.stages.compare import CompareSettings, compare
from pcam_core.stages.crossvalidate import CrossValidateSettings, crossvalidate
from pcam_core.stages.evaluate import EvaluateSettings, evaluate
from pcam_core.stages.final import final
from pcam_core.stages.single import single
from pcam_core.stages.split import SplitSettings, read_splits, split
from pcam_core.stages.threshold import threshold
from pcam_core.stages.tune import TuneSettings, tune
from pcam_core.training.settings import TrainingSettings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SIDE, CELL = 32, 4
GROUPS, OF_A_GROUP = 192, 4
_NORMAL = 3.2905  # 99.9 % of a normal distribution lie within so many deviations


def patches():
    """Return the table of patches and their pixels: the mosaic of their group, and noise."""
    rng = np.random.default_rng(0)
    group = np.repeat(np.arange(GROUPS), OF_A_GROUP)
    mosaics = rng.integers(40, 216, (GROUPS, SIDE // CELL, SIDE // CELL, 3))
    mosaics = mosaics.repeat(CELL, axis=1).repeat(CELL, axis=2)
    pixels = mosaics[group] + rng.integers(-8, 9, (len(group), SIDE, SIDE, 3))
    lots = rng.permutation(np.arange(GROUPS) % 2)
    table = pd.DataFrame(
        {"id": [f"p{n:03d}" for n in range(len(group))], "label": lots[group], "slide": ""}
    )
    return table.assign(group=[f"g{n:03d}" for n in group], published=""), pixels.astype(np.uint8)


@pytest.fixture(scope="module", params=["kept together", "torn apart"])
def run(request, tmp_path_factory):
    """All stages from the split to the test, on groups that are known or are not."""
    root = tmp_path_factory.mktemp("run")
    table, pixels = patches()
    honest = request.param == "kept together"

    def made(name, fill):
        workshop = root / f"{name}.building"
        workshop.mkdir()
        artifact = Artifact(stage=name, key=f"{name} {request.param}", path=root / name)
        seal(workshop, artifact, fill(workshop) or {}, 0)
        return artifact

    def grouped(folder):
        known = table["group"] if honest else table["id"]
        table[["id"]].assign(group=known).to_csv(folder / "groups.csv", index=False)
        pd.DataFrame(columns=["first", "second"]).to_csv(folder / "pairs.csv", index=False)

    def stored(folder):
        write_patch_store(folder / "train", list(table["id"]), lambda _: [pixels])

    labels = made("labels", lambda f: table.to_csv(f / "train.csv", index=False))
    groups, prepared = made("groups", grouped), made("prepared", stored)
    splits = split.build(
        root,
        labels=labels,
        groups=groups,
        settings=SplitSettings(
            test_fraction=0.25, validation_fraction=0.2, calibration_fraction=0.2,
            tune_fraction=1, tune_validation_fraction=0.34, cv_folds=2,
        ),
    )  # fmt: skip
    training = TrainingSettings(epochs=8, watch="val_auc", stop_patience=8)
    given = {
        "prepared": prepared,
        "splits": splits,
        "network": NetworkSettings(image_size=SIDE, weights="none", precision="float32"),
        "augmentation": AugmentSettings(policy="none"),
    }
    space = SearchSpace(
        conv_layers=(2, 2), filters=(32,), kernels=(3,), dense_units=(64, 64),
        dropout=(0.2, 0.2), learning_rate=(1e-3, 3e-3),
    )  # fmt: skip
    compared = compare.build(
        root,
        **given,
        settings=CompareSettings(
            models=("custom_cnn",), learning_rates={"custom_cnn": 2e-3}, training=training
        ),
    )
    tuned = tune.build(
        root,
        **given,
        comparison=compared,
        settings=TuneSettings(
            model="winner", objective="val_auc", max_epochs=8, factor=8, space=space,
            training=training,
        ),
    )  # fmt: skip
    checked = crossvalidate.build(
        root, **given, tuned=tuned, others={}, settings=CrossValidateSettings(training=training)
    )
    trained = single.build(root, **given, tuned=tuned, others={}, settings=training)
    where = {"prepared": prepared, "splits": splits}
    model = final.build(root, tuned=tuned, trained=trained, crossvalidated=checked, views=1)
    decision = threshold.build(root, **where, model=model, settings=DecisionSettings())
    folder = root / "evaluation"
    folder.mkdir()
    data = SimpleNamespace(patches=lambda _, ids: [np.zeros((96, 96, 3), np.uint8) for _ in ids])
    told = evaluate.function(
        folder, data=data, labels=labels, **where, model=model, decision=decision,
        settings=EvaluateSettings(bootstrap_draws=100),
    )  # fmt: skip
    return SimpleNamespace(
        honest=honest, table=table.set_index("id"), splits=read_splits(splits), tuned=tuned,
        compared=compared, checked=checked, told=told, folder=folder,
    )  # fmt: skip


def within_chance(auc, ids, run):
    """Whether the AUC of these patches is that of guessing, at 99.9 %.

    A group counts once: its patches are alike, and so are their probabilities.
    """
    marked = run.table.loc[ids].drop_duplicates("group")
    positive = int(marked["label"].sum())
    negative = len(marked) - positive
    deviation = math.sqrt((len(marked) + 1) / (12 * positive * negative))
    return abs(auc - 0.5) <= _NORMAL * deviation


def reported(run):
    """Yield every AUC that a stage reports, with what it is of and the ids it was measured on."""
    splits = run.splits.set_index("id")
    for stage, column, figures in (
        ("compare", "compare_fold", run.compared.figures["models"]["custom_cnn"]),
        ("cross-validate", "cv_fold", run.checked.figures),
    ):
        for fold, found in enumerate(figures["folds"]):
            yield f"{stage} {fold}", found["auc"], splits.index[splits[column] == fold]
    scored = splits.index[splits["tune"] == "validation"]
    yield "tune", run.tuned.figures["score"], scored
    tested = splits.index[splits["role"] == "test"]
    yield "test", run.told["at_threshold"]["scores"]["auc"], tested


def test_guesses_are_reported_as_guesses_and_a_leak_is_seen(run):
    found = list(reported(run))
    told = json.dumps({what: round(auc, 3) for what, auc, _ in found})
    print(told)
    guessed = {what: within_chance(auc, ids, run) for what, auc, ids in found}
    assert set(guessed.values()) == {run.honest}, told


def test_the_report_tells_of_a_planted_leak(generated, miniature_recipe, tmp_path):
    """Every slide shows the same few places, a little shifted: the map tears them apart."""
    data = tmp_path / "data"
    shutil.copytree(generated, data)
    for _, ids in pd.read_csv(data / "train_labels.csv").groupby("label")["id"]:
        for number, patch_id in enumerate(ids):
            place = Image.open(generated / "train" / f"{ids.iloc[number % 5]}.tif")
            shifted = np.roll(place, 4 * (number // 5), axis=1)
            Image.fromarray(shifted).save(data / "train" / f"{patch_id}.tif")
    command = [Path(sys.executable).with_name("pcam"), "train", "--data", data]
    command += ["--recipe", miniature_recipe, "--out", tmp_path / "out", "--json"]
    found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    page = html.unescape(Path(found["report"]).read_text())
    verdict = page.partition("<section")[0]
    assert "Leak: 39 of the test part's patches (100.0%) share pixels" in verdict
    assert "No patch of the test part shares pixels with one outside it." not in page
