import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from pcam_core.datasets.dataset import Dataset, Tables
from pcam_core.datasets.kaggle_folder import KaggleFolder
from pcam_core.errors import InputError
from pcam_core.stages.labels import labels
from pcam_core.validation.check import read_checks, stop_at_errors


def told(checks):
    """What a run would be stopped with."""
    with pytest.raises(InputError) as caught:
        stop_at_errors(checks, "page")
    return caught.value


@pytest.fixture
def read(tmp_path):
    """Runs the stage; gives its tables train and test, its figures and its checks."""

    def run(data):
        out = tmp_path / "out"
        out.mkdir()
        figures = labels.function(out, data=data)
        checks = read_checks(out)
        train, test = (
            pd.read_csv(out / f"{part}.csv", dtype=str, keep_default_na=False)
            for part in ("train", "test")
        )
        return train, test, figures, checks

    return run


def test_what_is_written(kaggle_folder, read):
    train, test, figures, checks = read(kaggle_folder({"b": 0, "a": 1, "007": 0}))
    assert train.to_numpy().tolist() == [
        ["b", "0", "", ""],
        ["a", "1", "", ""],
        ["007", "0", "", ""],
    ]
    assert test["id"].tolist() == ["t0", "t1"]
    assert figures == {
        "train": 3,
        "positive": 1,
        "test": 2,
        "slides_from": "",
        "without_slide": 3,
        "promised": {},
        "errors": [],
    }
    assert all(check.passed for check in checks)


def test_the_order_of_the_sample_submission_is_kept(kaggle_folder, read):
    _, test, *_ = read(kaggle_folder(test=["c", "a", "b"], sample=["b", "c", "a"]))
    assert test["id"].tolist() == ["b", "c", "a"]


def test_slides_come_from_the_map(kaggle_folder, read):
    data = kaggle_folder({"a": 0, "b": 1, "c": 0}, slides={"a": 7, "b": 7, "t0": 1})
    train, _, figures, _ = read(data)
    assert train["slide"].tolist() == ["7", "7", ""]
    assert (figures["slides_from"], figures["without_slide"]) == ("patch_id_wsi_full.csv", 1)


def table(text):
    return lambda folder: (folder / "train_labels.csv").write_text(text)


def file(name):
    return lambda folder: (folder / name).write_bytes(b"")


GOOD = "id,label\n" + "".join(f"p{n},{n % 2}\n" for n in range(6))


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (table("label,id\n0,p0\n"), ["exactly these: id, label"]),
        (table("id;label\np0;0\n"), ["id;label"]),
        (table("p0,0\np1,1\n"), ["columns p0, 0"]),
        (table('id,label\n"p0,0\n'), ["cannot be read"]),
        (table("id,label\np0,0\np1,1,1,1\n"), ["cannot be read"]),
        (file("sample_submission.csv"), ["sample_submission.csv", "cannot be read"]),
    ],
)
def test_a_table_that_cannot_be_read(kaggle_folder, read, harm, named):
    data = kaggle_folder()
    harm(data.path)
    with pytest.raises(InputError) as caught:
        read(data)
    assert all(part in str(caught.value) for part in named), str(caught.value)


FIT, ONCE, LABELS = (
    "every id is fit as a file name",
    "every id stands once",
    "every label is 0 or 1",
)
FILE, ROW = "every id has its file in train", "every file in train has its row"


@pytest.mark.parametrize(
    ("harm", "broken", "named"),
    [
        (
            table(GOOD.replace("p3,1", "p3,").replace("p1,1", "p1,x")),
            [LABELS],
            "p1 (x), p3 (empty)",
        ),
        (table(GOOD.replace("p3,1", "p3,1.0")), [LABELS], "other than 0 and 1: p3 (1.0)"),
        (table(GOOD.replace("p3,1", "p3,NA")), [LABELS], "p3 (NA)"),
        (table(GOOD.replace("p3,1", "p3")), [LABELS], "p3 ("),
        (
            table(GOOD.replace(",1", ",0")),
            ["both labels occur"],
            "All 6 labels of train_labels.csv",
        ),
        (table(GOOD + "p2,0\np4,1\n"), [ONCE], "names 2 ids more than once: p2, p4"),
        (table(GOOD + "/etc/p3,0\n"), [FIT], "/etc/p3"),
        (table(GOOD + "..,0\n"), [FIT], "1 id unfit as a file name: '..'"),
        (table(GOOD + ",0\n"), [FIT], "1 id unfit as a file name: ''"),
        (table(GOOD + "p 3,0\np\\5,1\n"), [FIT], r"2 ids unfit as a file name: 'p 3', 'p\\5'"),
        (table(GOOD + "\x1b[2J,0\n"), [FIT], r"'\x1b[2J'"),
        (table(GOOD + '"p3\n",0\n'), [FIT], r"'p3\n'"),
        (table(GOOD + "x1,0\nx0,1\n"), [FILE], "no file for 2 ids of train_labels.csv: x0, x1"),
        (table(GOOD.replace("p3,1\np4,0\n", "")), [ROW], "no row for 2 files in train: p3, p4"),
    ],
)
def test_what_is_wrong_is_named(kaggle_folder, read, harm, broken, named):
    data = kaggle_folder()
    harm(data.path)
    train, _, figures, checks = read(data)
    assert [check.meaning for check in checks if not check.passed] == broken == figures["errors"]
    assert named in told(checks).problem
    # Only sound rows go on.
    assert set(train["id"]) <= {f"p{n}" for n in range(6)}
    assert train["id"].is_unique
    assert set(train["label"]) <= {"0", "1"}


@pytest.mark.parametrize(
    ("part", "rows"), [("train", 7), ("test", 3)], ids=["labelled", "to predict"]
)
def test_a_promise_that_is_not_kept(kaggle_folder, read, monkeypatch, part, rows):
    data = kaggle_folder()
    tables = replace(data.tables(), promised={"train": 6, "test": 2} | {part: rows})
    monkeypatch.setattr(KaggleFolder, "tables", lambda _: tables)
    *_, figures, checks = read(data)
    assert figures["errors"] == [f"there are {rows} rows, as the source promises"]
    assert f"has {rows - 1} rows, but the source promises {rows}." in told(checks).problem


def test_other_columns(kaggle_folder, read, monkeypatch):
    data = kaggle_folder()
    tables = data.tables()
    other = replace(tables, labels=tables.labels.rename(columns={"label": "tumor"}))
    monkeypatch.setattr(KaggleFolder, "tables", lambda _: other)
    with pytest.raises(InputError, match=r"train_labels\.csv has the columns id, tumor\."):
        read(data)


def test_one_id_in_both_parts(kaggle_folder, read, monkeypatch):
    data = kaggle_folder()
    file("test/p1.tif")(data.path)
    *_, figures, checks = read(data)
    assert figures["errors"] == ["no id is in both, but those of a published test"]
    assert "train and test share 1 id: p1" in told(checks).problem
    tables = replace(data.tables(), roles={"p1": "test"})
    monkeypatch.setattr(KaggleFolder, "tables", lambda _: tables)
    shutil.rmtree(data.path.parent / "out")
    assert read(data)[2]["errors"] == []


def test_everything_that_is_wrong_is_named_at_once(kaggle_folder, read):
    data = kaggle_folder()
    table(GOOD.replace("p3,1", "../x,2").replace("p5", "y") + "p0,0\n")(data.path)
    file("test/p1.tif")(data.path)
    train, test, _, checks = read(data)
    for named in (
        "unfit as a file name: '../x'",
        "more than once: p0",
        "other than 0 and 1: ../x (2)",
        "no file for 1 id of train_labels.csv: y",
        "no row for 2 files in train: p3, p5",
        "train and test share 1 id: p1",
    ):
        assert named in told(checks).problem
    assert (train["id"].tolist(), test["id"].tolist()) == (["p2", "p4"], ["p1", "t0", "t1"])


def test_bytes_that_are_no_text(kaggle_folder, read):
    data = kaggle_folder()
    (data.path / "train_labels.csv").write_bytes(b"id,label\np\xff0,1\n")
    with pytest.raises(InputError, match="UTF-8"):
        read(data)


@pytest.mark.parametrize(
    ("sample", "named"),
    [
        (["t0"], "sample_submission.csv has no row for 1 file in test: t1"),
        (["t0", "t1", "t2"], "test has no file for 1 id of sample_submission.csv: t2"),
        (["t0", "t1", "t1"], "more than once: t1"),
    ],
)
def test_the_sample_submission_must_fit(kaggle_folder, read, sample, named):
    assert named in told(read(kaggle_folder(sample=sample))[3]).problem


def test_a_map_that_names_a_patch_twice(kaggle_folder, read):
    data = kaggle_folder(slides={"p0": 1})
    with (data.path / "patch_id_wsi_full.csv").open("a") as opened:
        opened.write("p0,2\n")
    with pytest.raises(InputError, match=r"names 1 id more than once: p0"):
        read(data)


def test_what_editors_and_systems_add_is_no_trouble(kaggle_folder, read):
    data = kaggle_folder()
    text = b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode()
    (data.path / "train_labels.csv").write_bytes(text)
    (data.path / "train" / "._p0.tif").write_bytes(b"macOS")
    train = read(data)[0]
    assert train["label"].tolist() == ["0", "1"] * 3


def test_many_wrong_ids_are_counted(kaggle_folder, read):
    data = kaggle_folder()
    table(GOOD + "".join(f"x{n:04d},0\n" for n in range(3000)))(data.path)
    error = told(read(data)[3])
    assert len(error.items) == 3000
    assert re.search(r"3,000 ids .* x0019 and 2,980 more", error.problem)


SAMPLE = Path(__file__).parents[4] / "shared" / "pcam_sample" / "kaggle_train_labels_known.csv.gz"


@pytest.mark.skipif(not SAMPLE.is_file(), reason=f"{SAMPLE} is not there")
def test_the_real_table(tmp_path):
    data = TableOnly(address="table", key="raw")
    figures = labels.function(tmp_path, data=data)
    assert (figures["train"], figures["errors"]) == (205_187, [])


class TableOnly(Dataset):
    """The real table, with the names of its files and no file."""

    def tables(self):
        train = pd.read_csv(SAMPLE, dtype=str)
        return Tables(train, ["t0"], "train_labels.csv", "sample_submission.csv")

    def patch_ids(self, part):
        return sorted(self.tables().labels["id"]) if part == "train" else ["t0"]

    def place(self, part, patch_id):
        return f"{part}/{patch_id}.tif"

    def decode(self, part, patch_id):
        raise ValueError(f"no file {self.place(part, patch_id)}")
