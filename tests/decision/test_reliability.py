import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss

from pcam_core.decision.entropy import entropy
from pcam_core.decision.reliability import calibration_errors, reliability_bins

SOME = settings(max_examples=30, deadline=None)


@SOME
@given(seed=st.integers(0, 2**32))
def test_errors_of_samples_are_those_of_the_patches_they_hold(seed):
    rng = np.random.default_rng(seed)
    labels, probabilities = rng.integers(0, 2, 30), rng.random(30)
    weights = rng.integers(0, 4, (3, 30))
    weights[:, 0] = 1
    found = calibration_errors(labels, probabilities, weights)
    for row, drawn in enumerate(weights):
        held = np.repeat(labels, drawn), np.repeat(probabilities, drawn)
        alone = calibration_errors(*held)
        assert found["ece"][row] == pytest.approx(alone["ece"])
        assert found["brier"][row] == pytest.approx(brier_score_loss(*held))


@SOME
@given(seed=st.integers(0, 2**32))
def test_the_expected_error_is_the_mean_gap_of_the_diagram(seed):
    rng = np.random.default_rng(seed)
    labels, probabilities = rng.integers(0, 2, 50), np.r_[0.0, 1.0, rng.random(48)]
    bins = reliability_bins(labels, probabilities)
    gap = np.average((bins["label"] - bins["probability"]).abs(), weights=bins["patches"])
    assert calibration_errors(labels, probabilities)["ece"] == pytest.approx(gap)
    assert len(bins) <= 10
    assert bins["patches"].sum() == 50


def test_known_errors():
    labels = np.array([0, 0, 0, 1])
    kept = calibration_errors(labels, np.full(4, 0.25))
    assert (kept["ece"], kept["brier"]) == (0, pytest.approx(0.1875))
    broken = calibration_errors(labels, np.array([0.0, 0.0, 1.0, 1.0]))
    assert (broken["ece"], broken["brier"]) == (0.25, 0.25)


def test_entropy():
    assert entropy(np.array([0, 0.5, 1, 0.25])) == pytest.approx([0, 1, 0, 0.8112781])
