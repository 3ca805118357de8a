import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pcam_core.overlap import overlap_groups

names = st.integers(0, 30).map(str)


def test_a_group_hangs_together_and_bears_its_smallest_id():
    pairs = pd.DataFrame({"first": ["c", "b"], "second": ["d", "d"]})
    groups = overlap_groups(["e", "d", "c", "b", "a"], pairs)
    assert groups == {"a": "a", "b": "b", "c": "b", "d": "b", "e": "e"}


@given(st.lists(st.tuples(names, names)), st.randoms())
def test_ends_of_a_pair_are_together_whatever_the_order(pairs, random):
    ids = [str(number) for number in range(31)]
    table = pd.DataFrame(pairs, columns=["first", "second"], dtype="str")
    groups = overlap_groups(ids, table)
    assert all(groups[first] == groups[second] for first, second in pairs)
    assert all(groups[group] == group <= name for name, group in groups.items())
    random.shuffle(ids)
    assert overlap_groups(ids, table.sample(frac=1)) == groups


def test_no_pairs():
    pairs = pd.DataFrame({"first": [], "second": []}, dtype="str")
    assert overlap_groups(["b", "a"], pairs) == {"a": "a", "b": "b"}


def test_a_pair_of_strangers():
    with pytest.raises(ValueError, match="not among the patches"):
        overlap_groups(["a"], pd.DataFrame({"first": ["a"], "second": ["b"]}))
