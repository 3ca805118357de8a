import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from pcam_core import bootstrap
from pcam_core.bootstrap import intervals, paired_difference, reflected_interval, resample
from pcam_core.measures import scores

SOME = settings(max_examples=15, deadline=None)
OPTIONS = {"draws": 100, "seed": 1}


def noisy(groups, copies):
    rng = np.random.default_rng(3)
    labels = np.repeat(rng.integers(0, 2, groups), copies)
    probabilities = np.clip(labels * 0.2 + np.repeat(rng.random(groups), copies) * 0.8, 0, 1)
    return labels, probabilities, np.repeat([f"g{n}" for n in range(groups)], copies)


def width(bounds):
    return bounds[1] - bounds[0]


def test_copies_do_not_narrow_grouped_intervals():
    labels, probabilities, groups = noisy(40, 10)
    grouped = intervals(labels, probabilities, groups, 0.5, **OPTIONS)
    single = intervals(labels, probabilities, np.arange(400), 0.5, **OPTIONS)
    once = intervals(*noisy(40, 1), 0.5, **OPTIONS)
    for name in ("auc", "accuracy", "f1"):
        assert width(grouped[name]) > 2 * width(single[name])
        assert width(grouped[name]) == pytest.approx(width(once[name]), rel=0.35)


def test_intervals_hold_the_figure_and_follow_the_seed():
    labels, probabilities, groups = noisy(60, 2)
    one, same, other = (
        intervals(labels, probabilities, groups, 0.5, draws=100, seed=seed) for seed in (1, 1, 2)
    )
    assert one == same != other
    for name, value in scores(labels, probabilities, 0.5).items():
        assert 0 <= one[name][0] <= value <= one[name][1] <= 1


def test_draws_of_one_class_are_drawn_again():
    labels, groups = np.array([0, 0, 0, 1]), np.array(["a", "a", "b", "c"])
    found = intervals(labels, np.array([0.1, 0.2, 0.3, 0.4]), groups, 0.35, draws=100, seed=0)
    assert found["auc"] == (1, 1)


def test_one_class_has_no_intervals():
    with pytest.raises(ValueError, match="both classes"):
        resample(np.ones(4, int), np.arange(4), lambda _: {}, **OPTIONS)


@pytest.mark.parametrize("chunk", [1, 777])
def test_samples_do_not_depend_on_how_many_are_held_at_once(chunk, monkeypatch):
    labels, probabilities, groups = noisy(12, 3)
    whole = intervals(labels, probabilities, groups, 0.5, **OPTIONS)
    monkeypatch.setattr(bootstrap, "_CHUNK", chunk)
    assert intervals(labels, probabilities, groups, 0.5, **OPTIONS) == whole


def test_a_sample_holds_whole_groups():
    labels, _, groups = noisy(12, 3)

    def measure(weights):
        assert weights.sum(axis=1).tolist() == [36] * len(weights)
        assert (weights.reshape(-1, 12, 3) == weights.reshape(-1, 12, 3)[..., :1]).all()
        return {"samples": np.ones(len(weights))}

    assert resample(labels, groups, measure, **OPTIONS)["samples"].sum() == 100


@SOME
@given(seed=st.integers(0, 2**32), digits=st.sampled_from([1, 12]))
def test_a_difference_is_antisymmetric_and_of_equals_is_nothing(seed, digits):
    rng = np.random.default_rng(seed)
    labels, groups = np.tile([0, 1], 20), np.repeat(np.arange(10), 4)
    one, other = (np.round(rng.random(40), digits) for _ in range(2))
    assert paired_difference(labels, one, one, groups, **OPTIONS) == (0, 0, 0)
    ahead = paired_difference(labels, one, other, groups, **OPTIONS)
    behind = paired_difference(labels, other, one, groups, **OPTIONS)
    assert ahead == pytest.approx((-behind.value, -behind.high, -behind.low))
    assert ahead.low <= ahead.high
    assert ahead.value == pytest.approx(roc_auc_score(labels, one) - roc_auc_score(labels, other))
    # A rising curve changes no ranking.
    assert paired_difference(labels, one, one**2, groups, **OPTIONS) == (0, 0, 0)


def test_pairing_sees_what_two_intervals_hide():
    labels, probabilities, groups = noisy(60, 3)
    worse = np.clip(probabilities - 0.05 * labels, 0, 1)
    found = paired_difference(labels, probabilities, worse, groups, **OPTIONS)
    assert 0 < found.low < found.value < found.high
    better, other = (
        intervals(labels, p, groups, 0.5, **OPTIONS)["auc"] for p in (probabilities, worse)
    )
    assert better[0] < other[1]


def test_a_reflected_interval_takes_back_what_resampling_adds():
    drawn = np.linspace(0.3, 0.5, 401)
    low, high = reflected_interval(0.25, drawn)
    assert (low, high) == pytest.approx((0.005, 0.195), abs=1e-9)
    assert reflected_interval(0.1, drawn)[0] == 0
