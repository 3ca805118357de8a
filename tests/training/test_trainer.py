import time

import numpy as np
import pytest

from pcam_core.measures import scores
from pcam_core.progress import listening
from pcam_core.training.epochs import listening_to_epochs
from pcam_core.training.folds import train_folds
from pcam_core.training.serving import load_model, predict, save_model

SMALL = {
    "conv_layers": 1,
    "conv_0_filters": 4,
    "conv_0_kernel": 3,
    "dense_units": 16,
    "learning_rate": 0.02,
}


@pytest.fixture(scope="module")
def ended():
    """The epochs that were told of."""
    return []


@pytest.fixture(scope="module")
def folds(trainer, table, tmp_path_factory, ended):
    """Both folds in turn, and what progress told."""
    told = []
    kept = tmp_path_factory.mktemp("folds")
    with listening(told.append), listening_to_epochs(ended.append):
        found = train_folds(trainer("tissue"), "tunable_cnn", SMALL, table, "fold", "Compare", kept)
    return found, told


@pytest.fixture(scope="module")
def alone(trainer, table, others_drawing):
    """The second fold trained by itself, beside another thread."""
    training, checks = table[table["fold"] != 1], table[table["fold"] == 1]
    return trainer("tissue").train("tunable_cnn", SMALL, training, checks, "Alone"), checks


def test_a_fold_after_another_equals_the_fold_alone(folds, alone):
    trained, checks = alone
    second = folds[0].predictions.query("fold == 1")
    assert second["id"].tolist() == checks["id"].tolist()
    np.testing.assert_array_equal(second["probability"], trained.probabilities)
    assert (
        folds[0].histories.query("fold == 1")["loss"].tolist() == trained.history["loss"].tolist()
    )


def test_every_patch_is_predicted_once_by_a_model_that_did_not_see_it(folds, table):
    predictions = folds[0].predictions
    assert sorted(predictions["id"]) == sorted(table["id"])
    merged = predictions.merge(table, on="id")
    assert (merged["fold_x"] == merged["fold_y"]).all()
    assert (merged["label_x"] == merged["label_y"]).all()


def test_figures_are_the_folds_mean(folds, alone):
    figures, predictions = folds[0].figures, folds[0].predictions
    assert len(figures["folds"]) == 2
    for number, found in enumerate(figures["folds"]):
        part = predictions[predictions["fold"] == number]
        labels, probabilities = part["label"].to_numpy(), part["probability"].to_numpy()
        assert found == pytest.approx(scores(labels, probabilities, 0.5))
    aucs = [found["auc"] for found in figures["folds"]]
    assert figures["mean"]["auc"] == pytest.approx(np.mean(aucs))
    assert figures["deviation"]["auc"] == pytest.approx(np.std(aucs))
    assert figures["parameters"] == alone[0].model.count_params()


def test_probabilities_are_the_restored_models(alone, tiny_store):
    trained, checks = alone
    again = predict(trained.model, tiny_store, checks["id"])
    np.testing.assert_allclose(again, trained.probabilities, atol=1e-6)


def test_the_history_has_both_sides(alone):
    history = alone[0].history
    names = ["loss", "accuracy", "auc", "precision", "recall", "f1"]
    wanted = {"epoch", "learning_rate", *names, *(f"val_{name}" for name in names)}
    assert set(history) == wanted
    assert history["epoch"].tolist() == [1, 2]
    assert np.isfinite(history.to_numpy()).all()
    np.testing.assert_allclose(history["learning_rate"], 0.02)


def test_progress_names_the_folds(folds):
    whats = {told.what for told in folds[1]}
    assert {"Compare tunable_cnn, fold 1 of 2", "Compare tunable_cnn, fold 2 of 2"} <= whats


def test_every_epoch_is_told_as_it_ends(folds, ended):
    assert [epoch.epoch for epoch in ended] == [1, 2, 1, 2]
    assert ended[-1].what == "Compare tunable_cnn, fold 2 of 2"
    last = folds[0].histories.iloc[-1].drop(["epoch", "fold"])
    assert dict(ended[-1].figures) == last.to_dict()


def test_saving_again_gives_the_same_bytes(alone, tmp_path):
    first, again = tmp_path / "first.keras", tmp_path / "again.keras"
    save_model(alone[0].model, first)
    time.sleep(2.1)  # the times in an archive are good to two seconds
    save_model(alone[0].model, again)
    assert first.read_bytes() == again.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.keras", "first.keras"]


def test_a_saved_model_predicts_the_same(alone, tiny_store, tmp_path):
    trained, checks = alone
    save_model(trained.model, tmp_path / "model.keras")
    again = predict(load_model(tmp_path / "model.keras"), tiny_store, checks["id"])
    np.testing.assert_allclose(again, trained.probabilities, atol=1e-5)


def test_learns_and_serves_stored_patches_when_trained_on_enlarged(
    trainer, table, tiny_store, tmp_path
):
    settings = {"epochs": 8, "schedule": "cosine", "label_smoothing": 0.02, "stop_patience": 8}
    trained = trainer("notebook", side=40, **settings).train(
        "tunable_cnn",
        SMALL | {"dropout": 0.0},
        table,
        table,
        "Learn",
    )
    assert trained.model.input_shape == (None, 32, 32, 3)
    assert trained.history["val_auc"].max() > 0.9
    save_model(trained.model, tmp_path / "model.keras")
    again = predict(load_model(tmp_path / "model.keras"), tiny_store, table["id"])
    np.testing.assert_allclose(again, trained.probabilities, atol=1e-5)
    rates = trained.history["learning_rate"]
    assert rates.iloc[0] > rates.iloc[-1] >= 0
    assert rates.iloc[-1] < 1e-4


def test_a_loss_that_is_no_number_stops_the_training(trainer, table):
    with pytest.raises(FloatingPointError, match="learning rate"):
        trainer(epochs=3).train(
            "tunable_cnn", SMALL | {"learning_rate": 1e38}, table, table, "Burst"
        )


@pytest.mark.parametrize("count", [1, 63, 64, 65])
def test_prediction_does_not_depend_on_the_batch(alone, tiny_store, table, count):
    ids = table["id"].sample(count, replace=True, random_state=1)
    model = alone[0].model
    one = dict(zip(table["id"], predict(model, tiny_store, table["id"]), strict=True))
    found = predict(model, tiny_store, ids)
    assert len(found) == count
    np.testing.assert_allclose(found, [one[patch_id] for patch_id in ids], atol=1e-6)
