import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from pcam_core.decision.calibration import Calibrator, fit_calibrator
from pcam_core.decision.reliability import calibration_errors

SOME = settings(max_examples=30, deadline=None)
METHODS = pytest.mark.parametrize("method", ["temperature", "isotonic", "none"])


def too_sure(seed, patches=400, heat=3.0):
    """Labels that are drawn by a probability, and what a model tells that is too sure of it."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.2, patches)
    labels = (rng.random(patches) < 1 / (1 + np.exp(-logits))).astype(int)
    labels[:2] = 0, 1
    return labels, 1 / (1 + np.exp(-heat * logits))


@METHODS
@SOME
@given(seed=st.integers(0, 2**32))
def test_a_calibrator_rises_stays_in_range_and_survives_json(method, seed):
    calibrator = fit_calibrator(*too_sure(seed, 60), method)
    given = np.r_[0, np.sort(np.random.default_rng(seed).random(50)), 1]
    found = calibrator.apply(given)
    assert ((found >= 0) & (found <= 1)).all()
    assert (np.diff(found) >= 0).all()
    again = Calibrator.from_json(calibrator.to_json())
    assert again == calibrator
    assert (again.apply(given) == found).all()


@SOME
@given(seed=st.integers(0, 2**32), heat=st.sampled_from([0.3, 1.0, 4.0]))
def test_temperature_lowers_the_loss_and_keeps_the_order(seed, heat):
    labels, probabilities = too_sure(seed, heat=heat)
    found = fit_calibrator(labels, probabilities, "temperature")
    after = found.apply(probabilities)
    assert log_loss(labels, after) <= log_loss(labels, probabilities) + 1e-3
    # Not strictly: of what is all but certain it makes one value.
    assert (np.diff(after[np.argsort(probabilities)]) >= 0).all()
    assert found.apply(np.array([0.5])) == pytest.approx(0.5)


def test_temperature_finds_how_much_too_sure_a_model_is():
    found = fit_calibrator(*too_sure(0, 20_000), "temperature")
    assert found.temperature == pytest.approx(3, rel=0.05)


@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_other_patches_are_better_calibrated(method):
    calibrator = fit_calibrator(*too_sure(1, 3000), method)
    labels, probabilities = too_sure(2, 3000)
    before = calibration_errors(labels, probabilities)
    after = calibration_errors(labels, calibrator.apply(probabilities))
    assert after["ece"] < before["ece"] / 3
    assert after["brier"] < before["brier"]


def test_a_perfect_ranking_is_not_taken_for_certainty():
    labels, probabilities = np.repeat([0, 1], 50), np.repeat([0.0, 1.0], 50)
    for method in ("temperature", "isotonic"):
        found = fit_calibrator(labels, probabilities, method).apply(probabilities)
        assert 0 < found.min() < 0.02
        assert 0.98 < found.max() < 1


def test_none_changes_nothing():
    probabilities = np.array([0.0, 0.3, 1.0])
    found = fit_calibrator(np.array([0, 1, 1]), probabilities, "none")
    assert found.apply(probabilities).tolist() == [0, 0.3, 1]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"method": "pickle"}',
        '{"method": "temperature", "temperature": 0}',
        '{"method": "temperature", "temperature": NaN}',
        '{"method": "isotonic"}',
        '{"method": "isotonic", "given": [0.1, 0.2], "calibrated": [0.1]}',
        '{"method": "isotonic", "given": [0.1, 0.2], "calibrated": [0.2, 0.1]}',
        '{"method": "isotonic", "given": [0.1, 2], "calibrated": [0.1, 0.2]}',
        '{"method": "none", "given": [0.1], "calibrated": [0.1]}',
        '{"method": "none", "code": "x"}',
    ],
)
def test_what_is_no_calibrator_is_refused(text):
    with pytest.raises(ValueError, match="Calibrator"):
        Calibrator.from_json(text)
