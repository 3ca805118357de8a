import numpy as np
import pandas as pd
import pytest

from pcam_core.decision.flags import NEAR, UNLIKE
from pcam_core.stages import predict
from pcam_core.stages.predict import PredictSettings, check_submission, predict_test, submission

TESTED = 21  # their probabilities are 0, .05, ... 1
MEASURES = ["haematoxylin", "eosin", "edges"]
MEANS = ["mean_r", "mean_g", "mean_b"]


@pytest.fixture
def predicted(known, decided, artifact, tmp_path):
    """Predict the test patches; t4 is unlike all others, and the gate suspects t1."""
    ids = [*known.table["id"], *(f"t{n}" for n in range(TESTED))]
    parts = ["train"] * len(known.table) + ["test"] * TESTED

    def gate(folder):
        columns = pd.DataFrame({"id": ids, "part": parts, "fault": "", "why": "", "white": 0.1})
        columns[MEANS] = 150.0
        columns.loc[columns["id"] == "t4", "mean_r"] = 20.0
        columns["hash"] = 1
        columns.to_csv(folder / "properties.csv", index=False)
        suspect = {"id": "t1", "part": "test", "verdict": "kept", "reason": "blank glass"}
        pd.DataFrame([suspect | {"detail": ""}]).to_csv(folder / "suspects.csv", index=False)
        return {}

    def explored(folder):
        table = pd.DataFrame({"id": ids, "label": 0, "group": "", "part": parts})
        table[MEASURES] = 0.5
        table.to_csv(folder / "patches.csv", index=False)
        return {}

    return predict_test.build(
        tmp_path / "predictions",
        prepared=known.prepared,
        labels=known.labels,
        gate=artifact("gate", gate),
        explored=artifact("explored", explored),
        model=known.model,
        decision=decided(),
    )


def read(path):
    return pd.read_csv(path, dtype={"id": str}, keep_default_na=False)


def test_a_person_finds_all_of_a_patch_in_one_row(predicted, decided):
    table = read(predicted.path / "predictions.csv")
    assert list(table) == [
        "id", "probability", "calibrated_probability", "prediction", "entropy", "flags",
    ]  # fmt: skip
    assert list(table["probability"]) == pytest.approx(np.arange(TESTED) / 20)
    threshold = decided().figures["threshold"]
    assert list(table["prediction"]) == [int(p >= threshold) for p in table["probability"]]
    assert table["entropy"].between(0, 1).all()
    assert table["calibrated_probability"].is_monotonic_increasing


def test_what_to_look_at_again_is_flagged(predicted, decided):
    table = read(predicted.path / "predictions.csv")
    flags = table["flags"]
    assert UNLIKE in flags[4]
    assert "blank glass" in flags[1]
    low, high = decided().figures["interval"]
    near = [low <= p < high for p in table["probability"]]
    assert [NEAR in told for told in flags] == near
    assert sum(near) > 0
    figures = predicted.figures
    assert figures["flags"] == {NEAR: sum(near), UNLIKE: 1, "blank glass": 1}


def test_classes_are_counted(predicted):
    table = read(predicted.path / "predictions.csv")
    figures = predicted.figures
    assert figures["patches"] == TESTED
    assert figures["positive"] == table["prediction"].sum()
    expected = table["calibrated_probability"].sum()
    assert figures["expected_positive"] == pytest.approx(expected, abs=1e-6)


def test_no_number_is_no_prediction(predicted, known, monkeypatch):
    monkeypatch.setattr(predict, "predict_final", lambda *_: np.full(TESTED, np.nan))
    with pytest.raises(FloatingPointError, match="no numbers"):
        predict_test.function(
            predicted.path, prepared=known.prepared, labels=known.labels, gate=None, explored=None,
            model=known.model, decision=None,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("submit", "column"), [("probability", "probability"), ("label", "prediction")]
)
def test_submission(known, predicted, tmp_path, submit, column):
    settings = PredictSettings(submit=submit)
    made = submission.build(
        tmp_path / "submissions", labels=known.labels, predictions=predicted, settings=settings
    )
    table = read(made.path / "submission.csv")
    assert list(table) == ["id", "label"]
    assert list(table["id"]) == [f"t{n}" for n in range(TESTED)]
    assert list(table["label"]) == list(read(predicted.path / "predictions.csv")[column])
    assert made.figures == {
        "rows": TESTED,
        "submit": submit,
        "positive": predicted.figures["positive"],
    }


@pytest.mark.parametrize(
    ("ids", "labels", "submit", "told"),
    [
        (["a"], [0.5], "probability", "1 rows instead of 2"),
        (["b", "a"], [0.5, 0.5], "probability", "row 1: 'b' instead of 'a'"),
        (["a", "a"], [0.5, 0.5], "probability", "row 2: 'a' instead of 'b'"),
        (["a", "b"], [0.5, np.nan], "probability", "of b is nan"),
        (["a", "b"], [0.5, 1.01], "probability", "of b is 1.01, not a number from 0 to 1"),
        (["a", "b"], [-0.1, 1], "probability", "of a is -0.1"),
        (["a", "b"], [0, 0.5], "label", "of b is 0.5, not 0 or 1"),
        (["a", "b"], ["0.1", "x"], "probability", "of b is x"),
    ],
)
def test_a_wrong_submission_is_not_written(ids, labels, submit, told):
    table = pd.DataFrame({"id": ids, "label": labels})
    with pytest.raises(ValueError, match=told):
        check_submission(table, ["a", "b"], submit)


def test_a_right_submission_passes():
    check_submission(pd.DataFrame({"id": ["NA", "1e5"], "label": [0, 1]}), ["NA", "1e5"], "label")
