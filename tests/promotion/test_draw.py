import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcam_core.promotion import draw
from pcam_core.promotion.hold_out import HoldOut, write_hold_out


def patches(groups, published=""):
    """A table of patches named by group and number: {"a": [0, 1]} gives a-0 and a-1."""
    rows = [
        (f"{group}-{n}", label, group) for group, of in groups.items() for n, label in enumerate(of)
    ]
    return pd.DataFrame(rows, columns=["id", "label", "group"]).assign(published=published)


def next_hold_out(table, held_out, trainable, share, seed, pairs=()):
    """Draw where so many pairs of patches share pixels."""
    shared = pd.DataFrame(list(pairs), columns=["first", "second"])
    return draw.next_hold_out(table, shared, held_out, trainable, share, [seed])


def singles(count, start=0):
    return patches({f"g{n}": [n % 2] for n in range(start, start + count)})


@st.composite
def deliveries(draw):
    """Deliveries of patches, each with those before it, in groups that may grow."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    count = draw(st.integers(30, 120))
    rows = [
        (f"p{n}", int(rng.random() < 0.4), f"g{rng.integers(count // 2)}") for n in range(count)
    ]
    table = pd.DataFrame(rows, columns=["id", "label", "group"]).assign(published="")
    ends = sorted(draw(st.lists(st.integers(5, count), min_size=2, max_size=4)))
    return [table[:end].sample(frac=1, random_state=end) for end in [*ends, count]]


@settings(deadline=None, max_examples=60)
@given(deliveries(), st.floats(0.05, 0.5), st.integers(0, 99))
def test_over_many_deliveries(tables, share, seed):
    held, trainable = set(), set()
    for table in tables:
        found = next_hold_out(table, held, trainable, share, seed)
        assert found == next_hold_out(table.iloc[::-1], held, trainable, share, seed)
        assert held <= found
        # Nothing that may have been trained on is ever measured on.
        assert not found & trainable
        new = table[~table["id"].isin(held | trainable)]
        old = set(table["group"]) - set(new["group"])
        fresh = set(new["group"]) - set(table.loc[~table["id"].isin(new["id"]), "group"])
        added = set(table.loc[table["id"].isin(found - held), "group"])
        assert not added & old
        # Whole groups only, and the share of the new ones.
        assert set(table.loc[table["group"].isin(added & fresh), "id"]) <= found
        assert abs(len(added & fresh) - share * len(fresh)) < 1
        held, trainable = found, trainable | (set(table["id"]) - found)


def test_the_same_data_adds_nothing():
    table = singles(50)
    first = next_hold_out(table, set(), set(), 0.2, 42)
    assert len(first) == 10
    assert next_hold_out(table, first, set(table["id"]) - first, 0.2, 42) == first


def test_labels_keep_their_balance():
    table = singles(400)
    held = table[table["id"].isin(next_hold_out(table, set(), set(), 0.1, 1))]
    assert held["label"].mean() == pytest.approx(0.5, abs=0.03)


def test_seeds_differ():
    table = singles(50)
    assert len({frozenset(next_hold_out(table, set(), set(), 0.2, seed)) for seed in range(5)}) > 1


def test_a_new_patch_joins_the_group_that_it_shares_pixels_with():
    table = patches({"held": [0, 1, 1], "seen": [0, 1]})
    held, trainable = {"held-0"}, {"held-1", "seen-0"}
    # What may have been trained on stays out, although its group is held out now.
    assert next_hold_out(table, held, trainable, 0.5, 0) == {"held-0", "held-2"}


def test_a_copy_of_what_was_there_is_not_new():
    table = pd.concat([singles(2), patches({"copy": [0, 1]})])
    before = {"held_out": {"g0-0"}, "trainable": {"g1-0"}, "share": 1, "seed": 0}
    assert next_hold_out(table, **before) == {"g0-0", "copy-0", "copy-1"}
    for known in ("g0-0", "g1-0"):
        assert next_hold_out(table, **before, pairs=[(known, "copy-1")]) == {"g0-0"}


def test_what_is_absent_stays():
    assert "gone" in next_hold_out(singles(5), {"gone"}, set(), 0.2, 0)


def test_a_published_test_is_held_out_and_nothing_else():
    table = pd.concat(
        [
            patches({"t": [0, 1], "u": [1]}, "test"),
            patches({f"n{n}": [0] for n in range(20)}, "train"),
        ]
    )
    assert next_hold_out(table, set(), set(), 0.5, 0) == {"t-0", "t-1", "u-0"}


def test_equal_versions_are_equal_bytes(tmp_path):
    first, second = tmp_path / "a.csv.gz", tmp_path / "b.csv.gz"
    for path in (first, second):
        write_hold_out(path, {"x", "NA"}, {"007"})
    assert first.read_bytes() == second.read_bytes()
    version = HoldOut(version=1, key="k", data=(), path=first)
    assert (version.ids(), version.trainable()) == ({"x", "NA"}, {"007"})
