import shutil
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcam_core.datasets.dataset import Dataset, Tables
from pcam_core.datasets.opening import open_dataset
from pcam_core.datasets.union import DatasetUnion, unite
from pcam_core.errors import InputError


class Source(Dataset):
    """A source in memory: id -> (label, level of grey, slide or "")."""

    train: tuple[tuple[str, str, int, str], ...] = ()
    test: tuple[tuple[str, int], ...] = ()
    roles: tuple[tuple[str, str], ...] = ()
    promised: tuple[tuple[str, int], ...] = ()
    unreadable: ClassVar[int] = -1

    def tables(self):
        rows = [(i, label) for i, label, _, _ in self.train]
        return Tables(
            labels=pd.DataFrame(rows, columns=["id", "label"], dtype=str),
            test=[i for i, _ in self.test],
            labels_name="train_labels.csv",
            test_name="sample_submission.csv",
            slides={i: slide for i, _, _, slide in self.train if slide},
            slides_name="slides.csv" if any(row[3] for row in self.train) else "",
            roles=dict(self.roles),
            promised=dict(self.promised),
        )

    def patch_ids(self, part):
        return sorted({row[0] for row in getattr(self, part)})

    def place(self, part, patch_id):
        return f"{part}/{patch_id}.tif"

    def decode(self, part, patch_id):
        greys = {row[0]: row[2 if part == "train" else 1] for row in getattr(self, part)}
        if greys[patch_id] == self.unreadable:
            raise ValueError("cannot be decoded")
        return np.full((96, 96, 3), greys[patch_id], np.uint8)


def source(key, train=(), **fields):
    return Source(address=f"/{key}", key=key, train=tuple(train), **fields)


A = source("a", [("p", "0", 1, "s"), ("q", "1", 2, "s")], test=(("x", 9), ("t", 8)))
B = source("b", [("q", "1", 2, "s"), ("r", "0", 3, "")], test=(("t", 8), ("b", 7)))


def test_one_that_several_have_counts_once():
    both = unite([A, B])
    tables = both.tables()
    assert list(map(tuple, tables.labels.to_numpy())) == [("p", "0"), ("q", "1"), ("r", "0")]
    assert list(tables.test) == ["x", "t", "b"]
    assert tables.slides == {"p": "s", "q": "s"}
    assert tables.labels_name == "train_labels.csv of /a and train_labels.csv of /b"
    assert tables.slides_name == "slides.csv of /a and slides.csv of /b"
    assert both.patch_ids("train") == ["p", "q", "r"]
    assert [int(p[0, 0, 0]) for p in both.patches("train", ["r", "p", "q"])] == [3, 1, 2]
    assert both.place("train", "<id>") == "train/<id>.tif"
    assert both.address == "/a, /b"


def test_a_source_given_twice_counts_once():
    assert unite([A, A]) == A
    assert unite([A, B, A, B.model_copy(update={"address": "/copy"})]).key == unite([A, B]).key


def test_what_is_promised():
    one = A.model_copy(update={"promised": (("train", 5), ("test", 2))})
    other = B.model_copy(update={"promised": (("train", 2),)})
    assert unite([one, other]).tables().promised == {"train": 5 + 2 - 1}


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (source("b", [("p", "1", 1, "s")]), "the label of 1 id: p (0 in /a, 1 in /b)."),
        (source("b", [("p", "0", 1, "z")]), "the slide of 1 id: p (s in /a, z in /b)."),
        (source("b", [("p", "0", 4, "s")]), "stand for different pictures, or for one that"),
        (source("b", [("p", "0", -1, "s")]), "that only one source has whole: train/p."),
        (source("b", test=(("x", 1),)), "only one source has whole: test/x."),
    ],
)
def test_what_disagrees_is_named(other, problem):
    with pytest.raises(InputError) as caught:
        unite([A, other]).tables()
    assert problem in caught.value.problem
    assert "leave one source out" in caught.value.remedy


def test_what_one_has_labelled_is_not_predicted_for_another(caplog):
    caplog.set_level("INFO")
    other = source("b", [("x", "1", 9, ""), ("r", "0", 3, "")], test=(("b", 7),))
    both = unite([A, other])
    tables = both.tables()
    assert list(tables.labels["id"]) == ["p", "q", "x", "r"]
    assert list(tables.test) == ["t", "b"]
    assert both.patch_ids("test") == ["b", "t"]
    assert both.patch_ids("train") == ["p", "q", "r", "x"]
    assert int(both.decode("train", "x")[0, 0, 0]) == 9
    assert "Labelled by now, so trained on and no longer predicted: 1 id (x)." in caplog.text


def test_the_label_must_be_of_the_same_picture():
    mine = source("a", [("p", "0", 1, "")], test=(("x", 9),))
    with pytest.raises(InputError, match=r"different pictures.*: train/x\."):
        unite([mine, source("b", [("x", "1", 2, "")])]).tables()


def test_a_published_test_is_still_predicted():
    published = source("b", [("x", "1", 1, "")], test=(("x", 9),), roles=(("x", "test"),))
    both = unite([A, published])
    assert both.patch_ids("test") == ["t", "x"]
    assert list(both.tables().test) == ["x", "t"]


def test_published_roles_that_disagree():
    one = A.model_copy(update={"roles": (("p", "train"),)})
    assert unite([one, B]).tables().roles == {"p": "train"}
    other = source("c", [("p", "0", 1, "s")], roles=(("p", "test"),))
    with pytest.raises(InputError, match=r"published role of 1 id: p \(train in /a, test in /c\)"):
        unite([one, other]).tables()


def test_all_is_named_at_once():
    other = source("b", [("p", "1", 1, "z"), ("q", "1", 5, "s")])
    with pytest.raises(InputError) as caught:
        unite([A, other]).tables()
    assert len(caught.value.items) == 3


def test_a_row_that_one_source_doubles_is_kept():
    doubled = source("b", [("r", "0", 3, ""), ("r", "0", 3, "")])
    assert list(unite([A, doubled]).tables().labels["id"]) == ["p", "q", "r", "r"]


def test_a_patch_that_no_source_has_whole_is_left_to_the_gate():
    one, other = (source(key, [("p", "0", -1, "")]) for key in "ab")
    both = unite([one, other])
    assert len(both.tables().labels) == 1
    with pytest.raises(ValueError, match="cannot be decoded"):
        both.decode("train", "p")


KEYS = st.lists(st.sampled_from("abcdef"), min_size=1, max_size=8)


@given(KEYS, st.randoms(use_true_random=False))
def test_the_order_does_not_count(keys, random):
    sources = [source(key, [(key, "0", ord(key), "")]) for key in keys]
    other = [*sources, random.choice(sources)]
    random.shuffle(other)
    one, two = unite(sources), unite(other)
    assert one == two
    assert hash(one) == hash(two)
    assert one.tables().labels.equals(two.tables().labels)
    assert one.patch_ids("train") == sorted(set(keys))
    assert isinstance(one, DatasetUnion) == (len(set(keys)) > 1)


ROWS = [(f"p{n}", str(n % 2), n, f"s{n % 3}") for n in range(8)]


@settings(deadline=None)
@given(st.lists(st.sampled_from(["one", "other", "both"]), min_size=8, max_size=8))
def test_any_two_parts_of_a_source_make_it_up(sides):
    one = [row for row, side in zip(ROWS, sides, strict=True) if side != "other"]
    other = [row for row, side in zip(ROWS, sides, strict=True) if side != "one"]
    whole, parts = source("w", ROWS), unite([source("a", one), source("b", other)])
    assert parts.patch_ids("train") == whole.patch_ids("train")
    mine, its = parts.tables(), whole.tables()
    assert set(map(tuple, mine.labels.to_numpy())) == set(map(tuple, its.labels.to_numpy()))
    assert len(mine.labels) == 8
    assert mine.slides == its.slides
    for patch_id in whole.patch_ids("train"):
        assert np.array_equal(parts.decode("train", patch_id), whole.decode("train", patch_id))


def test_old_and_new_data(generated, pcam, tmp_path, cache, zipped, same):
    old, new = tmp_path / "old", tmp_path / "new"
    labels = pd.read_csv(generated / "train_labels.csv")
    for folder, rows in ((old, labels[:100]), (new, labels[80:])):
        shutil.copytree(generated / "test", folder / "test")
        (folder / "train").mkdir()
        for patch_id in rows["id"]:
            shutil.copy(generated / "train" / f"{patch_id}.tif", folder / "train")
        rows.to_csv(folder / "train_labels.csv", index=False)
    addresses = [str(old), str(zipped(tmp_path / "new.zip", new))]
    data = open_dataset(addresses, cache)
    whole = open_dataset([str(generated)], cache)
    assert data.patch_ids("train") == whole.patch_ids("train")
    assert len(data.tables().labels) == 160
    assert data == open_dataset(addresses[::-1], cache)
    three = open_dataset([*addresses, str(pcam)], cache)
    assert len(three.patch_ids("train")) == 160 + 180
    assert same(three, three)
