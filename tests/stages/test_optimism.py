import numpy as np
import pandas as pd
import pytest

from pcam_core.measures import scores
from pcam_core.stages.evaluate import EvaluateSettings
from pcam_core.stages.optimism import optimism


@pytest.fixture
def priced(known, decided, artifact, tmp_path):
    def evaluation(folder):
        known.table[known.table["role"] == "test"].to_csv(folder / "predictions.csv", index=False)
        return {}

    def folds(folder):
        rows = known.table[known.table["role"] != "test"]
        rows.assign(fold=np.arange(len(rows)) // 6 % 2).to_csv(
            folder / "predictions.csv", index=False
        )
        return {}

    def drawn(folder):
        known.table.iloc[:12].to_csv(folder / "predictions.csv", index=False)
        return {"leaking": 0.75}

    return optimism.build(
        tmp_path / "optimism",
        prepared=known.prepared,
        splits=known.splits,
        crossvalidated=artifact("crossvalidated", folds),
        random_split=artifact("random_split", drawn),
        model=known.model,
        decision=decided(threshold="sensitivity", target=0.99),
        evaluation=artifact("evaluation", evaluation),
        settings=EvaluateSettings(bootstrap_draws=100),
    )


@pytest.mark.parametrize(
    ("claim", "role", "patches"),
    [
        ("tuned_on_test", "test", 48),
        ("chose_the_epoch", "validation", 48),
        ("trained_on", "train", 48),
    ],
)
def test_claims_are_measured_on_their_part_at_its_own_threshold(
    known, priced, claim, role, patches
):
    found = priced.figures[claim]
    assert found["patches"] == patches
    part = known.table[known.table["role"] == role]
    if claim == "trained_on":
        shown = pd.read_csv(priced.path / "predictions.csv", dtype={"id": str})
        chosen = shown.loc[shown["claim"] == claim, "id"]
        assert set(chosen) < set(part["id"])
        part = part.set_index("id").loc[chosen]
    labels, probabilities = part["label"].to_numpy(), part["probability"].to_numpy()
    assert found["scores"] == scores(labels, probabilities, found["threshold"])
    for threshold in (0.3, 0.5, 0.7):
        assert found["scores"]["f1"] >= scores(labels, probabilities, threshold)["f1"]


def test_folds_at_their_own_threshold_look_better(priced):
    folds = priced.figures["folds"]
    assert folds["patches"] == 192
    assert folds["at_own"]["f1"] > folds["at_half"]["f1"]
    assert folds["at_own"]["auc"] == folds["at_half"]["auc"]


def test_the_honest_figure_keeps_the_rule_but_decides_elsewhere(known, priced, decided):
    honest = priced.figures["honest"]
    assert honest["threshold"] == decided(threshold="f1").figures["threshold"]
    part = known.table[known.table["role"] == "test"]
    labels, probabilities = part["label"].to_numpy(), part["probability"].to_numpy()
    assert honest["scores"] == scores(labels, probabilities, honest["threshold"])
    assert honest["scores"]["f1"] <= priced.figures["tuned_on_test"]["scores"]["f1"]
    low, high = honest["interval"]
    assert low <= honest["scores"]["accuracy"] <= high


def test_the_random_split_is_told_at_the_threshold_tuned_on_it(known, priced):
    found = priced.figures["random_split"]
    assert (found["patches"], found["leaking"]) == (12, 0.75)
    part = known.table.iloc[:12]
    labels, probabilities = part["label"].to_numpy(), part["probability"].to_numpy()
    assert found["scores"] == scores(labels, probabilities, found["threshold"])
