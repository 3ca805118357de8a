import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pcam_core.drift.stability import by_chance, stability_index

LEVELS = np.linspace(0, 1, 1001)
SAMPLES = arrays(np.float64, st.integers(1, 300), elements=st.floats(-1e6, 1e6))


@given(SAMPLES, SAMPLES)
def test_the_index_is_finite_and_never_negative(reference, values):
    index = stability_index(np.quantile(reference, LEVELS), values)
    assert np.isfinite(index)
    assert index >= 0


@given(SAMPLES, st.randoms())
def test_the_order_of_patches_does_not_matter(values, random):
    quantiles = np.quantile(np.arange(100.0), LEVELS)
    shuffled = list(values)
    random.shuffle(shuffled)
    assert stability_index(quantiles, np.array(shuffled)) == stability_index(quantiles, values)


@pytest.mark.parametrize("size", [30, 300, 3000])
def test_equal_distributions_stay_below_chance(size):
    rng = np.random.default_rng(size)
    over = 0
    for _ in range(200):
        quantiles = np.quantile(rng.normal(size=2000), LEVELS)
        index = stability_index(quantiles, rng.normal(size=size))
        over += index > by_chance(2000, size)
    assert over <= 3


def test_larger_shifts_give_larger_indices():
    rng = np.random.default_rng(1)
    quantiles = np.quantile(rng.normal(size=5000), LEVELS)
    values = rng.normal(size=5000)
    found = [stability_index(quantiles, values + shift) for shift in (0, 0.2, 0.5, 1, 1.5, 2)]
    assert found == sorted(found)
    assert found[0] < 0.02
    assert found[2] == pytest.approx(0.25, abs=0.05)  # the square of the shift, while small
    assert 1.5 < found[4] < 3
