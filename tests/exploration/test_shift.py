import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcam_core.exploration import shift as module
from pcam_core.exploration.outliers import fences
from pcam_core.exploration.shift import largest_gap, shift, telling_apart

VALUES = st.lists(st.integers(-5, 5), min_size=1, max_size=30)


@given(VALUES, VALUES)
def test_gap_is_that_of_kolmogorov_and_smirnov(one, other):
    one, other = np.array(one, float), np.array(other, float)
    expected = max(abs((one <= value).mean() - (other <= value).mean()) for value in range(-5, 6))
    assert largest_gap(one, other) == pytest.approx(expected, abs=1e-4)


def drawn(size, mean=0.0, deviation=1.0, seed=0):
    return np.random.default_rng(seed).normal(mean, deviation, (size, 2))


def test_equal_sources_are_not_told_apart():
    auc, error = telling_apart(drawn(600), drawn(300, seed=1), 42)
    assert abs(auc - 0.5) < 3 * error
    assert 0.01 < error < 0.04


@pytest.mark.parametrize("other", [drawn(300, mean=3, seed=1), drawn(300, deviation=5, seed=1)])
def test_other_means_and_other_spreads_are_told_apart(other):
    auc, error = telling_apart(drawn(600), other, 42)
    assert auc - 2 * error > 0.8


def test_columns_are_compared_one_by_one():
    one = pd.DataFrame(drawn(100), columns=["same", "moved"])
    found = shift(one, one.assign(moved=one["moved"] + 2), 42)
    assert found["columns"]["same"] == {"distance": 0, "steps": 0}
    assert found["columns"]["moved"]["steps"] == pytest.approx(2, abs=0.3)
    assert found["columns"]["moved"]["distance"] > 0.5


def test_too_few_and_constant_rows():
    assert telling_apart(drawn(100), drawn(1), 42) == (None, None)
    same = pd.DataFrame({"a": np.ones(30)})
    found = shift(same, same, 42)
    assert found["auc"] == 0.5
    assert found["columns"]["a"] == {"distance": 0, "steps": 0}


def test_many_rows_are_sampled(monkeypatch):
    monkeypatch.setattr(module, "MOST", 50)
    first = telling_apart(drawn(200), drawn(200, mean=3, seed=1), 42)
    assert first == telling_apart(drawn(200), drawn(200, mean=3, seed=1), 42)
    assert first[0] > 0.8


def test_fences_stand_one_and_a_half_boxes_away():
    assert fences(np.arange(5.0)) == (-2, 6)
    assert fences(np.ones(3)) == (1, 1)
