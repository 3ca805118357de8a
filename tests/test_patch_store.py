import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcam_core import patch_store
from pcam_core.patch_store import PatchStore, write_patch_store


def pixels(count, side=4):
    return np.random.default_rng(count).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def giving(ids, patches, cuts=()):
    """Give the patches of any ids, in the batches that the cuts leave."""

    def give(names):
        rows = [ids.index(name) for name in names]
        return np.split(patches[rows], [cut for cut in cuts if cut < len(names)])

    return give


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
        write_patch_store(folder, ids, giving(ids, patches, sorted(cuts)))
        store = PatchStore(folder)
        assert (store.ids, store.side) == (ids, 4)
        order = data.draw(st.lists(st.integers(0, count - 1), max_size=20))
        rows = store.rows(ids[row] for row in order)
        np.testing.assert_array_equal(store.read(rows), patches[np.array(order, int)])
    assert len(list(folder.glob("*.npy"))) == -(-count // shard)
    assert store.read(np.arange(0)).shape == (0, 4, 4, 3)


@pytest.mark.parametrize("count", [3, 5])
def test_the_number_of_patches_must_fit(tmp_path, count):
    with pytest.raises(ValueError, match=f"4 ids but {count} patches"):
        write_patch_store(tmp_path / "store", ["a", "b", "c", "d"], lambda _: [pixels(count)])
    assert not list(tmp_path.rglob("*.npy"))


def test_an_unknown_id(tmp_path):
    write_patch_store(tmp_path / "store", ["a"], lambda _: [pixels(1)])
    with pytest.raises(KeyError, match="b"):
        PatchStore(tmp_path / "store").rows(["a", "b"])


@settings(max_examples=25, deadline=None)
@given(count=st.integers(1, 20), stop=st.integers(0, 19))
def test_what_was_stopped_goes_on_at_its_shard(tmp_path_factory, count, stop):
    folder = tmp_path_factory.mktemp("stores") / "train"
    ids, patches = [f"p{n}" for n in range(count)], pixels(count)
    give = giving(ids, patches)
    asked = []

    def stopping(names):
        asked.extend(names)
        if f"p{stop}" in names:
            raise KeyboardInterrupt
        return give(names)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(patch_store, "SHARD", 3)
        if stop < count:
            with pytest.raises(KeyboardInterrupt):
                write_patch_store(folder, ids, stopping)
            assert not (folder / patch_store.INDEX).exists()
        asked.clear()
        finished = stop // 3 * 3 if stop < count else 0
        stop = count
        write_patch_store(folder, ids, stopping)
        assert asked == ids[finished:]
        np.testing.assert_array_equal(PatchStore(folder).read(np.arange(count)), patches)
