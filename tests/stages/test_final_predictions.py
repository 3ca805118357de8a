"""Of untrained networks, whose probabilities differ: who predicts what, in which views."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pcam_core.errors import InputError
from pcam_core.patch_store import PatchStore, write_patch_store
from pcam_core.stages.final import MODEL, final
from pcam_core.stages.final_predictions import (
    deciding_patches,
    held_out_patches,
    predict_patches,
    stopping_patches,
)
from pcam_core.training.views import views_of

SIDE, PATCHES = 32, 24
ROLES = np.array(["train", "calibration", "validation", "test"])
NAMES = ("custom_cnn", "centre_cnn")
MEMBERS = [(name, fold) for name in NAMES for fold in (None, 0, 1)]


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    """Files of six serving models, by architecture and fold, of which None is the single one."""
    import keras

    from pcam_core.models.registry import build_network
    from pcam_core.models.settings import NetworkSettings
    from pcam_core.training.serving import save_model, serving_model

    settings = NetworkSettings(image_size=32, weights="none", precision="float32")
    folder = tmp_path_factory.mktemp("networks")
    files = {}
    for seed, (name, fold) in enumerate(MEMBERS):
        keras.utils.set_random_seed(seed)
        files[name, fold] = folder / f"{seed}.keras"
        save_model(serving_model(build_network(name, settings), SIDE), files[name, fold])
    return files


@pytest.fixture
def made(artifact, networks):
    """A split, a store and the artifacts from which a final model is put together."""
    number = np.arange(PATCHES)
    table = pd.DataFrame(
        {
            "id": [f"p{n:02d}" for n in number],
            "label": number % 2,
            "group": [f"g{n}" for n in number],
            "role": ROLES[number // 2 % 4],
        }
    )
    table["cv_fold"] = np.where(table["role"] == "test", -1, number // 8 % 2)
    pixels = np.random.default_rng(0).integers(0, 256, (PATCHES, SIDE, SIDE, 3), np.uint8)

    def prepared(folder):
        write_patch_store(folder / "train", list(table["id"]), lambda _: [pixels])
        return {}

    def splits(folder):
        table.assign(tune="").to_csv(folder / "splits.csv", index=False)
        return {}

    def tuned(folder):
        best = {"model": NAMES[0], "hyperparameters": {"learning_rate": 1e-3}}
        (folder / "best.json").write_text(json.dumps(best))
        return best

    def trained(names):
        def fill(folder):
            for name in names:
                (folder / f"{name}.keras").write_bytes(networks[name, None].read_bytes())
            (folder / "history.csv").write_text("epoch,model\n1,custom_cnn\n")
            told = {"epochs": 1, "best_epoch": 1, "patches": {}, "notes": []}
            return told | {"models": {name: {"parameters": 10} for name in names}}

        return fill

    def crossvalidated(names):
        def fill(folder):
            for name in names:
                for fold in (0, 1):
                    file = folder / f"{name}-{fold}.keras"
                    file.write_bytes(networks[name, fold].read_bytes())
            told = {name: {"parameters": 10} for name in names}
            return {"folds": [{}, {}], "parameters": 10 * len(names), "models": told}

        return fill

    return SimpleNamespace(
        table=table,
        pixels=pixels,
        prepared=artifact("prepared", prepared),
        splits=artifact("splits", splits),
        tuned=artifact("tuned", tuned),
        trained=lambda names: artifact(f"single-{len(names)}", trained(names)),
        crossvalidated=lambda names: artifact(f"folds-{len(names)}", crossvalidated(names)),
    )


@pytest.fixture(scope="module")
def given(networks):
    """What each member gives for pixels, averaged over views by the definition."""
    from pcam_core.training.serving import load_model

    models = {member: load_model(path) for member, path in networks.items()}

    def probability(member, pixels, views):
        seen = [
            np.asarray(models[member].predict_on_batch(view.astype(np.float32)))[:, 0]
            for view in views_of(pixels, views)
        ]
        return np.mean(seen, axis=0, dtype=np.float64)

    return probability


@pytest.mark.parametrize(
    ("form", "names", "views"),
    [("single", NAMES, 1), ("folds", NAMES[:1], 8), ("both", NAMES, 4)],
)
def test_the_final_model_is_the_plain_mean_and_decides_on_what_its_members_have_not_seen(
    made, given, tmp_path, form, names, views
):
    members = {}
    if form != "folds":
        members["trained"] = made.trained(names)
    if form != "single":
        members["crossvalidated"] = made.crossvalidated(names)
    model = final.build(tmp_path, tuned=made.tuned, **members, views=views)
    figures = model.figures
    assert (figures["form"], figures["views"], figures["model"]) == (form, views, names[0])
    assert figures["others"] == list(names[1:])
    assert figures["folds"] == (0 if form == "single" else 2)
    count = {"single": 1, "folds": 2, "both": 3}[form]
    assert figures["parameters"] == 10 * len(names) * count
    assert (model.path / "history.csv").exists() == (form != "folds")

    def expected(chosen, folds_of):
        """The mean over architectures, where `folds_of` tells the folds of a patch's row."""
        pixels = made.pixels[chosen]
        rows = made.table.loc[chosen]

        def mean(fold):
            return np.mean([given((name, fold), pixels, views) for name in names], axis=0)

        folds = np.array([mean(0), mean(1)])
        used = np.array([[fold in folds_of(row) for row in rows["cv_fold"]] for fold in (0, 1)])
        of_folds = (folds * used).sum(axis=0) / used.sum(axis=0)
        return {"single": mean(None), "folds": of_folds, "both": (mean(None) + of_folds) / 2}[form]

    where, table = {"prepared": made.prepared, "splits": made.splits}, made.table
    tested = held_out_patches(model, **where)
    rows = np.flatnonzero(table["role"] == "test")
    assert list(tested["id"]) == list(table.loc[rows, "id"])
    np.testing.assert_allclose(tested["probability"], expected(rows, lambda _: (0, 1)), atol=2e-6)
    assert tested["probability"].nunique() == len(tested)

    deciding = deciding_patches(model, **where)
    parts = ["calibration"] if form != "folds" else ["train", "calibration", "validation"]
    rows = np.flatnonzero(table["role"].isin(parts))
    assert list(deciding["id"]) == list(table.loc[rows, "id"])
    own = expected(rows, lambda fold: (fold,))
    np.testing.assert_allclose(deciding["probability"], own, atol=2e-6)

    stopping = stopping_patches(model, **where)
    rows = np.flatnonzero(table["role"] == "validation")
    assert list(stopping["id"]) == list(table.loc[rows, "id"])
    own = expected(rows, lambda fold: (fold,))
    np.testing.assert_allclose(stopping["probability"], own, atol=2e-6)

    store = PatchStore(made.prepared.path / "train")
    again = predict_patches(model.path / MODEL, views, store, tested["id"])
    assert list(again) == list(tested["probability"])


def test_equal_members_give_equal_bytes(made, tmp_path):
    members = {
        "trained": made.trained(NAMES[:1]),
        "crossvalidated": made.crossvalidated(NAMES[:1]),
    }
    first, second = (
        final.build(tmp_path / name, tuned=made.tuned, **members, views=1) for name in "ab"
    )
    assert first.manifest["files"] == second.manifest["files"]


def test_other_views_train_nothing_again(made, tmp_path):
    trained = made.trained(NAMES[:1])
    one, eight = (
        final.build(tmp_path, tuned=made.tuned, trained=trained, views=views) for views in (1, 8)
    )
    assert one.key != eight.key
    assert one.manifest["files"] == eight.manifest["files"]


def test_a_damaged_model_is_named(made, tmp_path):
    path = tmp_path / MODEL
    path.write_text("nothing")
    store = PatchStore(made.prepared.path / "train")
    with pytest.raises(InputError, match="cannot be loaded"):
        predict_patches(path, 1, store, ["p00"])


def test_the_whole_mean_is_explained(made, tmp_path):
    from pcam_core.explanation.tapped import TappedModel
    from pcam_core.stages.final import load_final

    members = {
        "trained": made.trained(NAMES[:1]),
        "crossvalidated": made.crossvalidated(NAMES[:1]),
    }
    model = final.build(tmp_path, tuned=made.tuned, **members, views=1)
    assert len(TappedModel(load_final(model)).maps) == 3
