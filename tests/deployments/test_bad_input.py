"""Every kind of bad input, through the command line as a user gives it."""

import os
import shutil
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from unittest.mock import patch as patched

import pandas as pd
import pytest
from typer.testing import CliRunner

from deployments.cli import app
from pcam_core import object_store
from pcam_core.datasets.opening import open_dataset
from pcam_core.object_store import S3Settings
from pcam_core.stages.gate import gate
from pcam_core.stages.gate_expectations import GateSettings
from pcam_core.stages.labels import labels


def permissions_bind():
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0)
        return not os.access(name, os.R_OK)


FOR_MORTALS = pytest.mark.skipif(not permissions_bind(), reason="permissions do not bind root")


@dataclass
class Run:
    """A command before it is given: a good one, until a case spoils it."""

    data: Path
    out: Path
    recipe: str
    odd_tiffs: dict[str, bytes]
    more: list[object] = field(default_factory=list)

    def give(self):
        command = ["train", "--data", self.data, "--recipe", self.recipe, "--out", self.out]
        return CliRunner().invoke(app, [str(word) for word in (*command, *self.more)])


@pytest.fixture(scope="module")
def good(generated, tmp_path_factory):
    """Forty labelled patches, p00 to p39, and four others, t0 to t3; the first half is healthy."""
    folder = tmp_path_factory.mktemp("good") / "data"
    for part in ("train", "test"):
        (folder / part).mkdir(parents=True)
    table = pd.read_csv(generated / "train_labels.csv", dtype=str)
    chosen = table.groupby("label").head(20).sort_values("label", kind="stable")
    named = chosen.assign(new=[f"p{number:02}" for number in range(40)])
    for old, new in zip(named["id"], named["new"], strict=True):
        shutil.copy(generated / "train" / f"{old}.tif", folder / "train" / f"{new}.tif")
    for number, path in enumerate(sorted((generated / "test").iterdir())[:4]):
        shutil.copy(path, folder / "test" / f"t{number}.tif")
    rows = "".join(
        f"{new},{label}\n" for new, label in zip(named["new"], named["label"], strict=True)
    )
    (folder / "train_labels.csv").write_text(f"id,label\n{rows}")
    (folder / "sample_submission.csv").write_text(
        "id,label\n" + "".join(f"t{n},0\n" for n in range(4))
    )
    return folder


@pytest.fixture(scope="module")
def earlier(good, tmp_path_factory):
    """The results of an earlier run that came as far as the gate."""
    out = tmp_path_factory.mktemp("earlier") / "out"
    artifacts = out / "artifacts"
    data = open_dataset([str(good)], out / "cache")
    table = labels.build(artifacts, data=data)
    gate.build(artifacts, data=data, labels=table, settings=GateSettings())
    return out


@pytest.fixture
def run(good, earlier, tmp_path, miniature_recipe, odd_tiffs, monkeypatch):
    monkeypatch.setattr(
        object_store, "S3Settings", partial(S3Settings, connect_timeout_s=1, attempts=1)
    )
    data, out = (tmp_path / name for name in ("data", "out"))
    with patched.dict(os.environ):
        os.environ.pop("PCAM_OBJECT_STORE", None)
        yield Run(
            data=shutil.copytree(good, data),
            out=shutil.copytree(earlier, out),
            recipe=miniature_recipe,
            odd_tiffs=odd_tiffs,
        )


def sealed(out):
    return {
        path.relative_to(out): path.read_bytes()
        for path in sorted((out / "artifacts").glob("*-*/**/*"))
        if path.is_file()
    }


def remembered(out):
    with closing(sqlite3.connect(out / "cache" / "hashes.sqlite")) as database:
        return set(database.execute("SELECT * FROM hashes"))


def table(old, new):
    """Change the label table."""

    def spoil(run):
        path = run.data / "train_labels.csv"
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return spoil


def whole_table(text):
    return lambda run: (run.data / "train_labels.csv").write_text(text, errors="surrogateescape")


def remove(name):
    def spoil(run):
        path = run.data / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return spoil


def rename(old, new):
    return lambda run: (run.data / old).rename(run.data / new)


def empty(name):
    def spoil(run):
        for path in (run.data / name).iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    return spoil


def odd(kind, name="train/p03.tif"):
    """Put an odd picture in the place of a patch."""
    return lambda run: (run.data / name).write_bytes(run.odd_tiffs[kind])


def every_kind(run):
    for number, content in enumerate(run.odd_tiffs.values()):
        (run.data / f"train/p{number:02}.tif").write_bytes(content)


def thirty(run):
    for number in range(30):
        (run.data / f"train/p{number:02}.tif").write_text("no picture")


def one_class(run):
    path = run.data / "train_labels.csv"
    path.write_text(path.read_text().replace(",1\n", ",0\n"))


def in_both(run):
    shutil.copy(run.data / "train/p03.tif", run.data / "test")
    remove("sample_submission.csv")(run)


def few_slides(run):
    rows = "".join(f"p{number:02},{number % 8}\n" for number in range(40))
    (run.data / "patch_id_wsi_full.csv").write_text(f"id,wsi\n{rows}")
    run.more += ["--set", "split.cv_folds=10", "--set", "split.calibration_fraction=0.25"]


def vanished(run):
    path = run.data / "train/p03.tif"
    path.unlink()
    path.symlink_to("elsewhere")


def locked(name):
    return lambda run: (run.data / name).chmod(0)


def settings(*changes):
    return lambda run: run.more.extend(word for change in changes for word in ("--set", change))


def recipe(name):
    def spoil(run):
        run.recipe = name

    return spoil


def recipe_file(text):
    def spoil(run):
        path = run.data.parent / "own.toml"
        path.write_text(text)
        run.recipe = str(path)

    return spoil


def out(name):
    def spoil(run):
        run.out = run.data.parent / name

    return spoil


def other_out(name):
    """A folder with a file where the run needs a folder."""

    def spoil(run):
        run.out = run.data.parent / "other"
        run.out.mkdir()
        (run.out / name).write_text("")

    return spoil


def store(address):
    def spoil(run):
        place = address if "://" in address else run.data.parent / address
        run.more += ["--store", place]

    return spoil


def read_only(run):
    run.out = run.data.parent / "locked"
    run.out.mkdir(mode=0o500)


def case(name, spoil, *told, needs=(), marks=()):
    return pytest.param(spoil, told, needs, id=name, marks=marks)


def odd_case(kind, reason):
    return case(kind, odd(kind), f"{PICTURE} 1 of 40 otherwise: train/p03.tif ({reason}).", MEND)


PICTURE = (
    "Expected that all training patches but 0.1% are readable 8-bit RGB pictures of 96x96 pixels,"
    " but found"
)
MEND = "Mend or remove them (with their rows in the label table)"
COLUMNS = "It needs exactly these: id, label."
LABELS = "Write 1 for tumour in the centre, 0 for none."
BUCKET = "s3://no-such-bucket"
NO_FOLDER = "A file stands where a folder is needed: choose another folder or name."

TABLE = [
    # the label table
    case("no labels", remove("train_labels.csv"), "has no train_labels.csv", "Put Kaggle's"),
    case("empty labels", whole_table(""), "train_labels.csv cannot be read", "Write it as UTF-8"),
    case("labels without rows", whole_table("id,label\n"), "has no rows", "at least one row"),
    case("a spreadsheet", whole_table("PK\udc83\udc84"), "train_labels.csv cannot be", "as UTF-8"),
    case("missing column", whole_table("id\np03\n"), "has the columns id.", COLUMNS),
    case("renamed column", table("label", "tumor"), "has the columns id, tumor.", COLUMNS),
    case("extra column", whole_table("id,label,x\np03,0,1\n"), "columns id, label, x.", COLUMNS),
    case(
        "extra value",
        whole_table("id,label\np03,0,1\n"),
        "more values in a row than columns.",
        COLUMNS,
    ),
    case("label 2", table("p03,0", "p03,2"), "has 1 label other than 0 and 1: p03 (2).", LABELS),
    case("label empty", table("p03,0", "p03,"), "other than 0 and 1: p03 (empty).", LABELS),
    case("label text", table("p03,0", "p03,ill"), "other than 0 and 1: p03 (ill).", LABELS),
    case("duplicate id", table("p03,0", "p03,0\np03,1"), "more than once: p03.", "one row an id"),
    case(
        "an id is a path",
        table("p03", "../p03"),
        "1 id unfit as a file name: '../p03'.",
        "An id is",
    ),
    case("one class", one_class, "All 40 labels of train_labels.csv are 0", "the other class"),
    # labels and files
    case(
        "id without file",
        remove("train/p03.tif"),
        "no file for 1 id of train_labels.csv: p03.",
        "Add train/",
    ),
    case("file without id", table("p03,0\n", ""), "no row for 1 file in train: p03.", "Add"),
    case(
        "renamed file",
        rename("train/p03.tif", "train/x.tif"),
        "train has no file for 1 id of train_labels.csv: p03.",
        "train_labels.csv has no row for 1 file in train: x.",
        "or remove their rows.",
        "or move the files away.",
    ),
    case("test id in train", in_both, "train and test share 1 id: p03.", "Keep each in one"),
    case("no data folder", remove(""), "data does not exist", "in Kaggle's layout"),
    case("empty data folder", empty(""), "has no train_labels.csv", "Put Kaggle's"),
    case(
        "empty train folder",
        empty("train"),
        "Error: train of",
        "data holds no .tif patches",
        "Put the patches",
    ),
    case(
        "empty test folder",
        empty("test"),
        "Error: test of",
        "data holds no .tif patches",
        "Put the patches",
    ),
    case(
        "no test folder",
        remove("test"),
        "Error: test of",
        "data holds no .tif patches",
        "Put the patches",
    ),
    case("capital letters", rename("train/p03.tif", "train/p03.TIF"), "'p03.TIF'", "small letters"),
    # patches
    odd_case("text", "not a TIFF image"),
    odd_case("64x64", "64x64 pixels, not 96x96"),
    odd_case("grey-scale", "grey-scale, not RGB"),
    odd_case("RGBA", "RGBA, not RGB"),
    odd_case("CMYK", "CMYK, not RGB"),
    odd_case("16-bit grey-scale", "16-bit grey-scale, not RGB"),
    odd_case("16-bit RGB", "3 channels of 16 bits, not 3 of 8"),
    odd_case("multi-page", "several pages, not one"),
    odd_case("bomb", "far more than 96x96 pixels"),
    odd_case("smaller bomb", "10000x10000 pixels, not 96x96"),
    case("truncated", odd("truncated"), "p03.tif (cannot be decoded: image file is trunc", MEND),
    case("in test", odd("text", "test/t1.tif"), "test/t1.tif (not a TIFF image)", MEND),
    case(
        "one of every kind",
        every_kind,
        f"{PICTURE} 11 of 40 otherwise",
        *(f"train/p{number:02}.tif (" for number in range(11)),
        MEND,
    ),
    case("thirty", thirty, "30 of 40 otherwise", "and 10 more", "All 30 are listed in ", MEND),
    case("vanished", vanished, "p03.tif (No such file or directory)", "Put them back"),
    case("unreadable", locked("train/p03.tif"), "p03.tif (Permission", "allow", marks=FOR_MORTALS),
    case("unreadable folder", locked("train"), "train cannot be", "Allow", marks=FOR_MORTALS),
    # the recipe
    case("unknown recipe", recipe("notebok"), "no recipe 'notebok'", "Did you mean 'notebook'?"),
    case("no recipe file", recipe("my/own.toml"), "no recipe 'my/own.toml'", "Choose from context"),
    case("no TOML", recipe_file("[split"), "own.toml is not valid TOML", "Mend the file."),
    case("unknown section", settings("spilt.seed=1"), "setting 'spilt'", "Did you mean 'split'?"),
    case("section in a file", recipe_file("[spilt]"), "setting 'spilt'", "Did you mean 'split'?"),
    case(
        "unknown field",
        settings("final.training.epoch=3"),
        "There is no setting 'final.training.epoch'.",
        "Did you mean 'epochs'?",
    ),
    case("out of range", settings("split.seed=-1"), "split.seed = -1 is not", "or equal to 0."),
    case("no number", settings("split.seed=x"), "split.seed = 'x' is not", "a valid integer"),
    case("unknown choice", settings("augmentation.policy=tisue"), "'tisue'", "mean 'tissue'?"),
    case("unknown model", settings("compare.models=['resnet']"), "'resnet'", "mean 'resnet50'?"),
    case("nothing set", settings("split.seed"), "'split.seed' sets nothing", "Write --set"),
    case(
        "two fields",
        settings("split.sed=1", "split.cv_folds=1"),
        "There is no setting 'split.sed'.",
        "split.cv_folds = 1 is not possible.",
    ),
    case(
        "fewer groups than folds", few_slides, "cv_folds needs 10 groups", "--set split.cv_folds="
    ),
    # the output folder
    case("out is a file", out("data/train_labels.csv"), "cannot be written", NO_FOLDER),
    case("out below a file", out("data/train_labels.csv/x"), "cannot be written", NO_FOLDER),
    case("out in /proc", out("/proc/pcam"), "/proc/pcam", "Choose another folder"),
    case("out in a locked folder", read_only, "locked", "Allow this user", marks=FOR_MORTALS),
    case("file named artifacts", other_out("artifacts"), "artifacts cannot be", NO_FOLDER),
    case("file named prefect", other_out("prefect"), "prefect cannot be written", NO_FOLDER),
    # the object store
    case("store is a file", store("data/train_labels.csv"), "cannot be written", NO_FOLDER),
    case("store in /proc", store("/proc/pcam"), "/proc/pcam", "Choose another folder"),
    case("unknown store", store("gs://x"), '"gs" is not known', "Use s3://bucket/prefix"),
    case(
        "no such bucket",
        store(BUCKET),
        f"{BUCKET} at 127.0.0.1",
        "does not exist",
        "Create the bucket, or correct the address.",
        needs=["aws_environment"],
    ),
    case(
        "unreachable bucket",
        store(BUCKET),
        f"{BUCKET} at 127.0.0.1",
        "cannot be reached",
        "Start the endpoint, or correct AWS_ENDPOINT_URL",
        needs=["closed_endpoint"],
    ),
    case(
        "refused key",
        store(BUCKET),
        f"{BUCKET} at 127.0.0.1",
        "refuses access",
        "Correct the credentials",
        needs=["refused_key"],
    ),
]


@pytest.mark.usefixtures("prefect_server", "no_embedded_server")
@pytest.mark.parametrize(("spoil", "told", "needs"), TABLE)
def test_one_clear_message(run, spoil, told, needs, request, capfd, recwarn):
    for name in needs:
        request.getfixturevalue(name)
    results = run.out
    before, known = sealed(results), remembered(results)
    assert len(before) == 10
    spoil(run)
    done = run.give()
    assert done.exit_code == 2, done.output
    message = done.output[done.output.index("Error: ") :]
    for piece in told:
        assert done.output.count(piece) == 1, done.output
    assert len(message.splitlines()) == 2
    assert "not-a-real" not in done.output
    elsewhere = "".join(capfd.readouterr())
    assert "Traceback" not in done.output + elsewhere
    assert "Error" not in elsewhere
    assert not [warning for warning in recwarn if "PIL" in warning.filename]
    assert sealed(results).items() >= before.items()
    assert remembered(results) >= known


def test_all_bad_items_are_listed(run, prefect_server, no_embedded_server):
    thirty(run)
    run.give()
    listed = (run.out / "bad-items.txt").read_text().splitlines()
    assert listed == [f"train/p{number:02}.tif (not a TIFF image)" for number in range(30)]
