import numpy as np
import pytest

from pcam_core.overlap import find_overlaps, overlap_groups
from pcam_core.overlap.equal import PARTNERS
from pcam_core.progress import listening


@pytest.fixture
def patches(scene, cut):
    """Twenty at random places, many of which overlap."""
    places = np.random.default_rng(1).integers(0, 304, (20, 2))
    return {f"{index:02}": cut(scene, y, x) for index, (y, x) in enumerate(places)}


def test_the_order_of_the_ids_does_not_matter(patches, overlaps_of):
    found = overlaps_of(patches)
    shuffled = np.random.default_rng(2).permutation(list(patches)).tolist()
    again = overlaps_of({name: patches[name] for name in shuffled})
    assert len(found) > 10
    assert (found["first"] < found["second"]).all()
    assert found.equals(again)


def test_asks_again_only_for_what_it_has_to_compare(scene, cut):
    patches = {"a": cut(scene, 0, 0), "b": cut(scene, 200, 200), "c": cut(scene, 9, 9)}
    asked = []

    def yielded(ids):
        asked.append(list(ids))
        return (patches[name] for name in ids)

    find_overlaps(["c", "b", "a"], yielded)
    assert asked == [["a", "b", "c"], ["a", "c"]]


def test_verifies_in_pieces(patches, overlaps_of, monkeypatch):
    found = overlaps_of(patches)
    monkeypatch.setattr("pcam_core.overlap.verify._PIECE", 3)
    monkeypatch.setattr("pcam_core.overlap.equal._PIECE", 100)
    monkeypatch.setattr("pcam_core.overlap.candidates._PENDING", 100)
    assert overlaps_of(patches).equals(found)


def test_what_many_share_links_them_all_but_not_each_with_each(scene, cut, overlaps_of):
    copies = {f"{index:03}": cut(scene, 0, 0) for index in range(3 * PARTNERS)}
    found = overlaps_of(copies)
    assert len(found) < len(copies) * PARTNERS
    assert set(overlap_groups(list(copies), found).values()) == {"000"}


def test_what_many_share_hides_no_other_overlap(scene, cut, overlaps_of):
    """More patches than are paired with each other bear a stamp, such as a scale bar."""
    drawn = np.random.default_rng(3).integers(0, 256, (100, 96, 96, 3), dtype=np.uint8)
    drawn[:, :20, :20] = scene[:20, :20]
    patches = {f"{index:03}": pixels for index, pixels in enumerate(drawn)}
    patches["twin"] = np.concatenate([patches["000"][20:], cut(scene, 200, 200)[:20]])
    found = overlaps_of(patches)
    assert found[["first", "second", "dy", "dx"]].to_numpy().tolist() == [["000", "twin", 20, 0]]


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_compare(scene, cut, overlaps_of, count):
    found = overlaps_of(dict.fromkeys("a"[:count], cut(scene, 0, 0)))
    assert found.empty
    assert list(found) == ["first", "second", "dy", "dx", "transform", "shared_pixels"]
    assert found["dy"].dtype == np.int64


def test_an_id_may_be_given_once_only():
    with pytest.raises(ValueError, match="twice"):
        find_overlaps(["a", "a"], lambda _: [])


def test_every_patch_has_to_come(scene, cut):
    with pytest.raises(ValueError, match="shorter"):
        find_overlaps(["a", "b"], lambda _: [cut(scene, 0, 0)])


def test_tells_its_progress(patches, overlaps_of):
    told = []
    with listening(told.append):
        overlaps_of(patches)
    assert {progress.what for progress in told} == {"Hash windows", "Compare shared pixels"}
    assert told[-1].done == told[-1].total > 10
