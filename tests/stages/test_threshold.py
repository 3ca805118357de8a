import pandas as pd
import pytest

from pcam_core.measures import scores
from pcam_core.stages.threshold import read_calibrator


def test_only_the_calibration_part_decides(known, decided):
    decision = decided()
    table = pd.read_csv(decision.path / "predictions.csv", dtype={"id": str})
    part = known.table[known.table["role"] == "calibration"]
    assert list(table["id"]) == list(part["id"])
    figures = decision.figures
    labels, probabilities = part["label"].to_numpy(), part["probability"].to_numpy()
    assert figures["at_threshold"] == scores(labels, probabilities, figures["threshold"])
    assert figures["at_threshold"]["f1"] >= figures["at_half"]["f1"]
    assert (figures["patches"], figures["groups"]) == (48, 8)


def test_the_threshold_has_an_interval_that_holds_it(decided):
    figures = decided().figures
    low, high = figures["interval"]
    assert 0 <= low <= figures["threshold"] <= high <= 1
    assert low < high


@pytest.mark.parametrize("method", ["temperature", "isotonic", "none"])
def test_the_calibrator_can_be_applied_later(decided, method):
    decision = decided(calibration=method)
    table = pd.read_csv(decision.path / "predictions.csv")
    calibrator = read_calibrator(decision)
    assert calibrator.method == method
    again = calibrator.apply(table["probability"].to_numpy())
    assert again == pytest.approx(table["calibrated_probability"].to_numpy())
    before, after = decision.figures["before"], decision.figures["after"]
    assert after["brier"] <= before["brier"] + 0.01


def test_a_wanted_sensitivity_is_kept_on_the_calibration_part(decided):
    figures = decided(threshold="sensitivity", target=0.95).figures
    assert figures["at_threshold"]["recall"] >= 0.95
    assert figures["rule"] == "the highest specificity at a sensitivity of at least 0.95"
    assert figures["threshold"] < decided(threshold="specificity", target=0.95).figures["threshold"]
