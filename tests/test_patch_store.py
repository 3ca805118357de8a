import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcam_core import patch_store
from pcam_core.errors import InputError
from pcam_core.fan_out import Workers
from pcam_core.patch_store import PatchStore, write_patch_store
from pcam_core.progress import Meter, listening


def in_turn(jobs, done):
    for job in jobs:
        done(job())


def pixels(count, side=4):
    return np.random.default_rng(count).integers(0, 256, (count, side, side, 3), dtype=np.uint8)


def giving(ids, patches, cuts=()):
    """Give the patches of any shards, each in the batches that the cuts leave."""

    def give(shards):
        for names in shards:
            rows = [ids.index(name) for name in names]
            yield from np.split(patches[rows], [cut for cut in cuts if cut < len(names)])

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


@pytest.mark.parametrize(
    ("count", "message"), [(0, "4 ids but 0"), (3, "4 ids but 3 patches"), (5, "more patches than")]
)
@pytest.mark.parametrize("workers", [None, Workers(1, in_turn)])
def test_the_number_of_patches_must_fit(tmp_path, count, message, workers):
    ids = ["a", "b", "c", "d"]
    with pytest.raises(ValueError, match=message):
        write_patch_store(tmp_path / "s", ids, lambda _: [pixels(count)], workers=workers)
    assert not (tmp_path / "s" / patch_store.INDEX).exists()


def test_workers_make_the_same_store(tmp_path, monkeypatch):
    monkeypatch.setattr(patch_store, "SHARD", 3)
    ids, patches = [f"p{n}" for n in range(11)], pixels(11)
    told = []
    meter = Meter("Write", len(ids), interval=0)
    with listening(lambda progress: told.append(progress.done)):
        for name, workers in (("here", None), ("there", Workers(2, in_turn))):
            give = giving(ids, patches, [1])
            write_patch_store(tmp_path / name, ids, give, meter=meter, workers=workers)
    here, there = (
        {p.name: p.read_bytes() for p in (tmp_path / n).iterdir()} for n in ("here", "there")
    )
    assert here == there
    assert told == [1, 3, 4, 6, 7, 9, 10, 11, 14, 17, 20, 22]


def test_a_worker_that_writes_elsewhere_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(patch_store, "_UNSEEN_S", -1)
    elsewhere = Workers(1, lambda *_: None)
    with pytest.raises(InputError, match=r"00000\.npy .* not there"):
        write_patch_store(tmp_path / "s", ["a"], lambda _: [pixels(1)], workers=elsewhere)


def test_leftovers_of_killed_processes_go(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / ".00000.npy.host.123").write_bytes(b"half")
    write_patch_store(tmp_path / "s", ["a"], lambda _: [pixels(1)])
    assert sorted(path.name for path in (tmp_path / "s").iterdir()) == ["00000.npy", "ids.json"]


def test_what_makes_the_patches_is_closed_after_a_failure(tmp_path):
    closed = []

    def give(shards):
        try:
            yield pixels(1)
            yield pixels(2)[:, :2]
        finally:
            closed.append(True)

    with pytest.raises(ValueError, match="broadcast") as kept:
        write_patch_store(tmp_path / "s", ["a", "b"], give)
    assert kept.traceback
    assert closed


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

    def stopping(shards):
        for names in shards:
            asked.extend(names)
            if f"p{stop}" in names:
                raise KeyboardInterrupt
            yield from give([names])

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


def test_patches_that_begin_and_end_anywhere_in_a_page(tmp_path):
    patches = pixels(9, side=47)
    ids = [f"p{n}" for n in range(9)]
    write_patch_store(tmp_path / "s", ids, giving(ids, patches))
    store = PatchStore(tmp_path / "s")
    for rows in (np.arange(9), np.array([8, 0, 8, 3])):
        np.testing.assert_array_equal(store.read(rows), patches[rows])


def test_another_process_opens_the_folder_and_gets_no_pixels(tmp_path, monkeypatch):
    patches = np.random.default_rng(0).integers(0, 255, (64, 32, 32, 3), np.uint8)
    write_patch_store(tmp_path / "store", [str(n) for n in range(64)], lambda _: [patches])
    monkeypatch.chdir(tmp_path)
    sent = pickle.dumps(PatchStore(Path("store")))
    monkeypatch.chdir("/")
    assert len(sent) < 1000
    np.testing.assert_array_equal(pickle.loads(sent).read(np.arange(64)), patches)
