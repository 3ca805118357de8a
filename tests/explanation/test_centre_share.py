import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcam_core.explanation.centre_share import centre_shares, mean_with_interval, uniform_share

REGIONS = st.sampled_from([32, 64, 96])


@given(REGIONS, st.integers(4, 130), st.floats(0.1, 1e6))
def test_a_map_that_is_the_same_everywhere_has_the_uniform_share(region, side, level):
    maps = np.full((2, side, side), [[[level]], [[-level]]])
    np.testing.assert_allclose(centre_shares(maps, region), uniform_share(region))


@given(REGIONS, st.integers(0, 99))
def test_shares_depend_neither_on_scale_nor_on_sign(region, seed):
    maps = np.random.default_rng(seed).normal(size=(2, 24, 24))
    shares = centre_shares(maps, region)
    assert ((shares >= 0) & (shares <= 1 + 1e-12)).all()
    np.testing.assert_allclose(centre_shares(-7 * maps, region), shares)


def test_an_empty_map_has_no_share():
    assert np.isnan(centre_shares(np.zeros((1, 6, 6)), 96)).all()


def test_the_mean_leaves_out_what_is_unknown():
    found = mean_with_interval(pd.Series([0.2, np.nan, 0.4]), pd.Series(["a", "b", "c"]))
    assert found["mean"] == pytest.approx(0.3)
    assert found["count"] == 2
    low, high = found["interval"]
    assert (low, high) == pytest.approx((0.2, 0.4))
    nothing = mean_with_interval(pd.Series([np.nan]), pd.Series(["a"]))
    assert nothing == {"mean": None, "interval": None, "count": 0}


def test_intervals_are_over_groups():
    values = pd.Series(np.tile([0.0, 1.0], 50))
    apart = mean_with_interval(values, pd.Series(range(100)))["interval"]
    alike = mean_with_interval(values, values.astype(str))["interval"]
    assert alike == [0.0, 1.0]
    assert apart[0] > 0.35
    assert apart[1] < 0.65
