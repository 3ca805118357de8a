import pandas as pd
import pytest

from pcam_core.errors import InputError
from pcam_core.stages.labels import labels


@pytest.fixture
def read(tmp_path):
    """Runs the stage; gives its tables train and test, and its figures."""

    def run(data):
        out = tmp_path / "out"
        out.mkdir()
        figures = labels.function(out, data=data)
        train, test = (
            pd.read_csv(out / f"{part}.csv", dtype=str, keep_default_na=False)
            for part in ("train", "test")
        )
        return train, test, figures

    return run


def test_without_maps_every_patch_is_its_own_group(kaggle_folder, read):
    train, test, figures = read(kaggle_folder({"b": 0, "a": 1, "007": 0}))
    assert train.to_numpy().tolist() == [["b", "0", "b"], ["a", "1", "a"], ["007", "0", "007"]]
    assert test["id"].tolist() == ["t0", "t1"]
    assert figures == {
        "train": 3,
        "positive": 1,
        "test": 2,
        "groups": 3,
        "group_source": "",
        "unmapped": 0,
    }


def test_the_order_of_the_sample_submission_is_kept(kaggle_folder, read):
    _, test, _ = read(kaggle_folder(test=["c", "a", "b"], sample=["b", "c", "a"]))
    assert test["id"].tolist() == ["b", "c", "a"]


@pytest.mark.parametrize(
    ("kind", "source"), [("slides", "patch_id_wsi_full.csv"), ("groups", "overlap_groups.csv")]
)
def test_groups_come_from_the_map(kaggle_folder, read, kind, source):
    data = kaggle_folder({"a": 0, "b": 1, "c": 0}, **{kind: {"a": 7, "b": 7, "t0": 1}})
    train, _, figures = read(data)
    assert train["group"].tolist() == ["7", "7", "c"]
    assert (figures["group_source"], figures["unmapped"], figures["groups"]) == (source, 1, 2)


def test_slides_come_before_overlap_groups(kaggle_folder, read):
    data = kaggle_folder({"a": 0, "b": 1}, groups={"a": 1, "b": 2}, slides={"a": 9, "b": 9})
    train, _, _ = read(data)
    assert train["group"].tolist() == ["9", "9"]


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
        (table(GOOD.replace("p3,1", "p3,").replace("p1,1", "p1,x")), ["p1 (x)", "p3 (empty)"]),
        (table(GOOD.replace("p3,1", "p3,1.0")), ["p3 (1.0)"]),
        (table(GOOD.replace("p3,1", "p3,NA")), ["p3 (NA)"]),
        (table(GOOD.replace("p3,1", "p3")), ["p3 ("]),
        (table(GOOD + "p2,0\np4,1\n"), ["2 ids more than once", "p2, p4"]),
        (table(GOOD.replace("p3", "/etc/p3")), ["/etc/p3"]),
        (table(GOOD.replace("p3", "..")), ["1 id unfit as a file name: '..'"]),
        (table(GOOD.replace("p3", "")), ["1 id unfit as a file name: ''"]),
        (table(GOOD.replace("p3", "p 3").replace("p5", "p\\5")), ["2 ids", r"'p 3', 'p\\5'"]),
        (table(GOOD.replace("p3", "\x1b[2J")), [r"'\x1b[2J'"]),
        (table(GOOD + "x1,0\nx0,1\n"), ["train has no file for 2 ids of train_labels.csv: x0, x1"]),
        (
            table(GOOD.replace("p3,1\n", "").replace("p5,1\n", "")),
            ["no row for 2 files in train: p3, p5"],
        ),
        (file("sample_submission.csv"), ["sample_submission.csv", "cannot be read"]),
        (file("overlap_groups.csv"), ["overlap_groups.csv", "cannot be read"]),
    ],
)
def test_what_is_wrong_is_named(kaggle_folder, read, harm, named):
    data = kaggle_folder()
    harm(data.path)
    with pytest.raises(InputError) as caught:
        read(data)
    assert all(part in str(caught.value) for part in named), str(caught.value)
    assert caught.value.remedy


def test_everything_that_is_wrong_is_named_at_once(kaggle_folder, read):
    data = kaggle_folder()
    table(GOOD.replace("p3,1", "../x,2").replace("p5", "y") + "p0,0\n")(data.path)
    file("test/p1.tif")(data.path)
    with pytest.raises(InputError) as caught:
        read(data)
    for named in (
        "unfit as a file name: '../x'",
        "more than once: p0",
        "other than 0 and 1: ../x (2)",
        "no file for 1 id of train_labels.csv: y",
        "no row for 2 files in train: p3, p5",
        "train and test share 1 id: p1",
    ):
        assert named in caught.value.problem


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
    with pytest.raises(InputError, match=named):
        read(kaggle_folder(sample=sample))


def test_a_map_that_names_a_patch_twice(kaggle_folder, read):
    data = kaggle_folder(groups={"p0": 1})
    with (data.path / "overlap_groups.csv").open("a") as file:
        file.write("p0,2\n")
    with pytest.raises(InputError, match=r"overlap_groups\.csv names 1 id more than once: p0"):
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
    with pytest.raises(InputError, match=r"3,000 ids .* x0019 and 2,980 more"):
        read(data)
