import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcam_core.exploration.survey import KINDS, MEASURES, Survey, batches

RNG = np.random.default_rng(1)
PATCHES = RNG.integers(0, 256, (9, 96, 96, 3), dtype=np.uint8)
KIND = np.array([0, 1, 2, 0, 0, 1, 2, 1, 0])


def survey(rows, size):
    found, start = Survey(), 0
    for batch in batches(iter(PATCHES[rows]), size):
        found.add(batch, KIND[rows][start : start + len(batch)])
        start += len(batch)
    return found


WHOLE = survey(np.arange(9), 9)


@given(rows=st.permutations(range(9)), size=st.integers(1, 10))
@settings(max_examples=25, deadline=None)
def test_neither_batches_nor_order_matter(rows, size):
    found = survey(np.array(rows), size)
    np.testing.assert_array_equal(found.levels.totals, WHOLE.levels.totals)
    np.testing.assert_array_equal(found.patches.totals, WHOLE.patches.totals)
    expected = WHOLE.measures().iloc[rows].reset_index(drop=True)
    np.testing.assert_array_equal(found.measures(), expected)


def test_sums_are_those_of_each_kind():
    for kind in range(len(KINDS)):
        members = PATCHES[kind == KIND]
        np.testing.assert_array_equal(WHOLE.patches.totals[kind], members.sum(axis=0, dtype=int))
        for channel in range(3):
            counts = np.bincount(members[..., channel].ravel(), minlength=256)
            np.testing.assert_array_equal(WHOLE.levels.totals[kind, channel], counts)


def test_only_the_centre_counts_as_the_centre():
    patches = np.full((2, 96, 96, 3), 200, np.uint8)
    patches[0, 32:64, 32:64] = 100
    patches[1, 31, 31] = patches[1, 64, 64] = 100
    found = Survey()
    found.add(patches, np.zeros(2, int))
    darker, brighter = found.measures()["haematoxylin_centre"]
    assert darker > 0.1
    assert -0.01 < brighter < 0


def test_nothing_gives_an_empty_table():
    table = Survey().measures()
    assert list(table) == list(MEASURES)
    assert len(table) == 0


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (3, [3]), (8, [4, 4]), (9, [4, 4, 1])])
def test_batches_leave_nothing_out(count, sizes):
    found = list(batches(iter(PATCHES[:count]), 4))
    assert [len(batch) for batch in found] == sizes
    if found:
        np.testing.assert_array_equal(np.concatenate(found), PATCHES[:count])
