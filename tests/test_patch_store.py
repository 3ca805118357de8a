import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcam_core import patch_store
from pcam_core.patch_store import PatchStore, write_patch_store


def pixels(count, side=4):
    return np.random.default_rng(count).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


@settings(max_examples=25, deadline=None)
@given(
    count=st.integers(1, 17),
    shard=st.integers(1, 6),
    cuts=st.lists(st.integers(0, 17), max_size=4),
    data=st.data(),
)
def test_any_batches_and_shards_come_back(tmp_path_factory, count, shard, cuts, data):
    folder = tmp_path_factory.mktemp("stores") / "train"
    patches = pixels(count)
    ids = [f"p{number * 7 % 101}" for number in range(count)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patch_store, "SHARD", shard)
        write_patch_store(folder, ids, np.split(patches, sorted(cuts)))
        store = PatchStore(folder)
        assert (store.ids, store.side) == (ids, 4)
        order = data.draw(st.lists(st.integers(0, count - 1), max_size=20))
        rows = store.rows(ids[row] for row in order)
        np.testing.assert_array_equal(store.read(rows), patches[np.array(order, int)])
    assert len(list(folder.glob("*.npy"))) == -(-count // shard)
    assert store.read(np.arange(0)).shape == (0, 4, 4, 3)


@pytest.mark.parametrize("count", [3, 5])
def test_the_number_of_ids_must_fit(tmp_path, count):
    with pytest.raises((ValueError, IndexError)):
        write_patch_store(tmp_path / "store", ["a", "b", "c", "d"], [pixels(count)])


def test_an_unknown_id(tmp_path):
    write_patch_store(tmp_path / "store", ["a"], [pixels(1)])
    with pytest.raises(KeyError, match="b"):
        PatchStore(tmp_path / "store").rows(["a", "b"])


def test_nothing_is_overwritten(tmp_path):
    write_patch_store(tmp_path / "store", ["a"], [pixels(1)])
    with pytest.raises(FileExistsError):
        write_patch_store(tmp_path / "store", ["a"], [pixels(1)])
