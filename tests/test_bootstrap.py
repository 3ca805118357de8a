import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from pcam_core import bootstrap
from pcam_core.bootstrap import intervals
from pcam_core.measures import scores


def noisy(groups, copies):
    rng = np.random.default_rng(3)
    labels = np.repeat(rng.integers(0, 2, groups), copies)
    probabilities = np.clip(labels * 0.2 + np.repeat(rng.random(groups), copies) * 0.8, 0, 1)
    return labels, probabilities, np.repeat([f"g{n}" for n in range(groups)], copies)


def width(bounds):
    return bounds[1] - bounds[0]


def test_copies_do_not_narrow_grouped_intervals():
    labels, probabilities, groups = noisy(40, 10)
    options = {"draws": 100, "seed": 1}
    grouped = intervals(labels, probabilities, groups, 0.5, **options)
    single = intervals(labels, probabilities, np.arange(400), 0.5, **options)
    once = intervals(*noisy(40, 1), 0.5, **options)
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


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), digits=st.sampled_from([1, 12]), chunk=st.sampled_from([1, 999]))
def test_every_draw_scores_as_sklearn_would(seed, digits, chunk):
    rng = np.random.default_rng(seed)
    labels, group = np.tile([0, 1], 20), np.repeat(np.arange(10), 4)
    probabilities = np.round(rng.random(40), digits)
    times = rng.multinomial(10, np.full(10, 0.1), size=3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bootstrap, "_CHUNK", chunk)
        found = bootstrap._ranking_scores(labels, probabilities, group, times)
    for score, values in zip((roc_auc_score, average_precision_score), found, strict=True):
        expected = [score(labels, probabilities, sample_weight=drawn[group]) for drawn in times]
        assert values == pytest.approx(expected)
