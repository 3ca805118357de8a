import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from pcam_core.cuts import cuts
from pcam_core.measures import confusion

SOME = settings(max_examples=25, deadline=None)


def some(seed, digits, patches=40):
    """Labels of both classes, and probabilities with ties if they have few digits."""
    rng = np.random.default_rng(seed)
    return np.tile([0, 1], patches // 2), np.round(rng.random(patches), digits)


@SOME
@given(seed=st.integers(0, 2**32), digits=st.sampled_from([1, 12]))
def test_every_sample_scores_as_sklearn_would(seed, digits):
    labels, probabilities = some(seed, digits)
    weights = np.random.default_rng(seed).multinomial(10, np.full(10, 0.1), size=3)
    weights = weights[:, np.repeat(np.arange(10), 4)]
    sample = cuts(labels, probabilities, weights)
    for score, found in (
        (roc_auc_score, sample.auc()),
        (average_precision_score, sample.average_precision()),
    ):
        expected = [score(labels, probabilities, sample_weight=drawn) for drawn in weights]
        assert found == pytest.approx(expected)


@SOME
@given(
    seed=st.integers(0, 2**32),
    digits=st.sampled_from([1, 12]),
    threshold=st.sampled_from([-1.0, 0.0, 0.3, 0.5, 1.0, 2.0]),
)
def test_counts_are_those_of_the_threshold(seed, digits, threshold):
    labels, probabilities = some(seed, digits)
    sample = cuts(labels, probabilities)
    for at in (threshold, probabilities[0], *sample.thresholds):
        assert sample.counts(at).tolist() == list(confusion(labels, probabilities, at).values())


@SOME
@given(seed=st.integers(0, 2**32), sensitivity=st.floats(0.01, 1))
def test_specificity_is_the_highest_that_keeps_the_sensitivity(seed, sensitivity):
    labels, probabilities = some(seed, 2)
    false, true, _ = roc_curve(labels, probabilities, drop_intermediate=False)
    expected = 1 - false[true >= sensitivity - 1e-9].min()
    assert cuts(labels, probabilities).specificity_at(sensitivity) == pytest.approx(expected)


def test_nothing_and_everything_are_cuts():
    sample = cuts(np.array([0, 1, 1]), np.array([1.0, 1.0, 0.0]))
    assert sample.thresholds[0] > 1
    assert sample.thresholds[1:].tolist() == [1, 0]
    assert (sample.tp.tolist(), sample.fp.tolist()) == ([0, 1, 2], [0, 1, 1])
