"""Records of runs: written whole, read in order, found by name, and true about dead processes."""

import json
import logging
import os
import platform
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from pcam_core.artifact import Artifact
from pcam_core.datasets.kaggle_folder import KaggleFolder
from pcam_core.errors import InputError
from pcam_core.recipe import load_recipe
from pcam_core.runs.comparison import compare
from pcam_core.runs.history import RunHistory, open_history
from pcam_core.runs.process_identity import ProcessIdentity, this_process
from pcam_core.runs.record import KeyFigures, new_record
from pcam_core.runs.recorder import bury, recording, stop_recordings
from pcam_core.stages.report import report
from pcam_core.stages.split import split

FIGURES = KeyFigures(
    model="custom_cnn",
    auc=0.8,
    auc_low=0.7,
    auc_high=0.9,
    threshold=0.4,
    precision=0.6,
    recall=0.5,
)
DATA = KaggleFolder(address="/data", path=Path("/data"), key="d" * 64)


@pytest.fixture
def history(tmp_path):
    return RunHistory(tmp_path)


def run(name="demo", **fields):
    return new_record(name, "data", {}, None).model_copy(update=fields)


def aged(days, **fields):
    record = run(**fields)
    return record.model_copy(update={"started": record.started - timedelta(days=days)})


def made(stage, key):
    return Artifact(stage=stage, key=key * 64, path=Path("/out") / f"{stage}-{key * 16}")


def stored(history, record):
    return json.loads((history.folder / f"{record.id}.json").read_text())


def test_a_done_run_is_recorded_from_its_start(history):
    plan = [(split, made("split", "a")), (report, made("report", "b"))]
    with recording(history, run()) as recorder:
        assert stored(history, recorder.record)["state"] == "running"
        recorder.plan(load_recipe("demo"), DATA, plan)
        planned = stored(history, recorder.record)
        assert [artifact["stage"] for artifact in planned["artifacts"]] == ["split", "report"]
        assert planned["code"]["split"] != planned["code"]["report"]
        assert "keras" in planned["versions"]
        assert planned["settings"]["split"]["seed"] == 42
        recorder.found(FIGURES)
    (record,) = history.read()
    assert (record.state, record.status, record.figures) == ("done", "done", FIGURES)
    assert (record.data, record.data_key) == (DATA.address, DATA.key)
    assert record.started <= record.ended
    assert record.error is None


@pytest.mark.parametrize(
    ("error", "state", "told"),
    [
        (InputError("The data is bad.", "Mend it."), "failed", "The data is bad."),
        (ValueError("two\nlines"), "failed", "ValueError: two lines"),
        (KeyboardInterrupt(), "stopped", None),
        (SystemExit(1), "stopped", None),
    ],
)
def test_what_ends_a_run_early_is_recorded_and_raised(history, error, state, told):
    with pytest.raises(type(error)), recording(history, run()):
        raise error
    (record,) = history.read()
    assert (record.state, record.error) == (state, told)


def test_a_long_error_is_cut(history):
    with pytest.raises(OSError, match="x"), recording(history, run()):
        raise OSError("x" * 10_000)
    assert len(history.read()[0].error) < 600


def test_an_end_that_cannot_be_written_does_not_fail_the_run(history, monkeypatch, caplog):
    def full(self, record):
        raise OSError("No space left on device")

    with recording(history, run()):
        monkeypatch.setattr(RunHistory, "write", full)
    assert "No space left" in caplog.text


def test_a_plan_waits_for_prune(history):
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from pcam_core.runs.history import RunHistory\n"
        "with RunHistory(Path(sys.argv[1])).lock():\n"
        "    print('held', flush=True); time.sleep(0.5); print(time.time())\n"
    )
    command = [sys.executable, "-c", code, str(history.out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as pruning:
        assert pruning.stdout.readline() == "held\n"
        with recording(history, run()) as recorder:
            recorder.plan(load_recipe("demo"), DATA, [])
        assert time.time() >= float(pruning.stdout.read())


def test_ids_are_readable_and_safe_as_file_names():
    record = run("../a strange/name of a recipe")
    day, clock, *name, digits = record.id.split("-")
    assert (len(day), len(clock), len(digits)) == (8, 6, 4)
    assert "-".join(name) == "a-strange-name"
    assert f"{record.started:%Y%m%d-%H%M%S}" == f"{day}-{clock}"
    assert "-run-" in run("///").id


def test_newest_comes_first(history):
    records = [aged(days) for days in (2, 0, 1)]
    for record in records:
        history.write(record)
    assert history.read() == [records[1], records[2], records[0]]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"id": "x"}', "\xff"])
def test_a_damaged_record_is_named_and_left_out(history, caplog, text):
    record = run()
    history.write(record)
    damaged = history.folder / "damaged.json"
    damaged.write_text(text, "latin-1")
    with caplog.at_level(logging.WARNING):
        assert history.read() == [record]
    assert str(damaged) in caplog.text
    with pytest.raises(InputError, match=r"damaged\.json cannot be read"):
        history.read_all()


def test_half_written_records_are_not_seen(history):
    history.write(run())
    (history.folder / ".20261123-155812-demo-3f2a.json.77").write_text("{")
    assert len(history.read_all()) == 1


def test_fields_of_a_later_version_do_no_harm(history):
    record = run()
    history.write(record)
    path = history.folder / f"{record.id}.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "checkpoints": 3}))
    assert history.read() == [record]


def test_a_killed_process_is_noticed():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    here = this_process()
    living = here.model_copy(update={"pid": child.pid, "started": time.time()})
    assert run(process=living).status == "running"
    child.kill()
    child.wait()
    assert run(process=living).status == "killed"
    assert run(process=living, state="done").status == "done"


@pytest.mark.parametrize(
    ("fields", "gone"),
    [({}, False), ({"started": 0.0}, True), ({"host": "elsewhere", "pid": 2**30}, False)],
)
def test_only_this_machine_is_judged_and_reused_numbers_are_told_apart(fields, gone):
    assert this_process().model_copy(update=fields).gone() is gone


def test_a_zombie_is_gone():
    child = subprocess.Popen([sys.executable, "-c", ""])
    deadline = time.monotonic() + 30
    while os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is None:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    here = ProcessIdentity(host=platform.node(), pid=child.pid, started=time.time())
    assert here.gone()
    child.wait()


def test_only_the_runs_of_this_process_are_stopped(history):
    other = this_process().model_copy(update={"host": "elsewhere"})
    records = [aged(2, state="done"), aged(1, process=other), run()]
    for record in records:
        history.write(record)
    stop_recordings(history)
    assert [record.state for record in history.read()] == ["stopped", "running", "done"]


class TestFinding:
    @pytest.fixture
    def records(self, history):
        ids = ["20261121-100000-demo-0a0a", "20261122-100000-demo-0b0b", "20261122-110000-demo-0c"]
        records = [aged(3 - age, id=name) for age, name in enumerate(ids)]
        for record in records:
            history.write(record)
        return records

    @pytest.mark.parametrize(
        ("name", "index"),
        [
            ("latest", 2),
            ("20261122-100000-demo-0b0b", 1),
            ("20261121", 0),
            ("20261122-11", 2),
        ],
    )
    def test_by_id_prefix_or_latest(self, history, records, name, index):
        assert history.find(name) == records[index]

    @pytest.mark.parametrize(
        ("name", "told"),
        [
            ("20261122", "2 runs begin with '20261122'"),
            ("20261121-100000-demo-0a0b", "Did you mean '20261121-100000-demo-0a0a'?"),
            ("mine", "Choose from 20261122-110000-demo-0c, 20261122-100000-demo-0b0b"),
            ("", "or say 'latest'"),
        ],
    )
    @pytest.mark.usefixtures("records")
    def test_a_wrong_name_is_explained(self, history, name, told):
        with pytest.raises(InputError, match=told.replace("?", r"\?")):
            history.find(name)

    def test_without_runs_or_folder(self, history, tmp_path):
        with pytest.raises(InputError, match="There are no runs in"):
            history.find("latest")
        with pytest.raises(InputError, match="does not exist"):
            open_history(tmp_path / "missing")


class TestComparing:
    def test_what_differs(self):
        first = run(
            settings={"name": "demo", "split": {"seed": 1}, "tune": {"space": {"kernels": [3]}}},
            data_key="a",
            code={"labels": "c0", "split": "c1"},
            versions={"keras": "3.15.0", "numpy": "2.4.0"},
            artifacts=(made("labels", "a"), made("split", "b")),
            figures=FIGURES,
        )
        second = first.model_copy(
            update={
                "settings": {"name": "demo", "split": {"seed": 2, "cv_folds": 3}, "tune": {}},
                "data_key": "b",
                "code": {"labels": "c0", "split": "c2"},
                "versions": {"keras": "3.15.1", "numpy": "2.4.0"},
                "artifacts": (made("labels", "a"), made("split", "c"), made("tune", "d")),
                "figures": FIGURES.model_copy(update={"auc": 0.75}),
            }
        )
        found = compare(first, second)
        assert found.settings == {
            "split.seed": (1, 2),
            "tune.space.kernels": ([3], None),
            "split.cv_folds": (None, 3),
        }
        assert found.data == {"key": ("a", "b")}
        assert found.code == ("split",)
        assert found.versions == {"keras": ("3.15.0", "3.15.1")}
        assert found.shared == ("labels",)
        assert found.stages == {"split": ("b" * 64, "c" * 64), "tune": (None, "d" * 64)}
        assert found.figures["auc"] == (0.8, 0.75)
        assert found.differences["auc"] == pytest.approx(-0.05)
        assert found.differences["recall"] == 0

    def test_a_run_with_itself(self):
        record = run(settings={"name": "demo"}, artifacts=(made("labels", "a"),), figures=FIGURES)
        found = compare(record, record)
        assert (found.settings, found.data, found.stages) == ({}, {}, {})
        assert set(found.differences.values()) == {0}

    def test_a_run_that_found_nothing(self):
        found = compare(run(), run(figures=FIGURES))
        assert found.figures["auc"] == (None, 0.8)
        assert found.differences == {}


def test_killed_runs_are_told_once_and_nobody_knows_when_they_ended(history):
    dead = run(process=this_process().model_copy(update={"started": 0.0}))
    for record in (dead, run()):
        history.write(record)
    (found,) = bury(history)
    assert (found.id, found.state, found.ended) == (dead.id, "killed", None)
    assert stored(history, dead)["state"] == "killed"
    assert bury(history) == []
