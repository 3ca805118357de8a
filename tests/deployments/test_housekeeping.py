"""`pcam runs`, `compare` and `prune` over hand-made records and artifacts."""

import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deployments import pruning
from deployments.cli import app
from deployments.prefect_history import forget
from pcam_core.runs import prune
from pcam_core.runs.history import RunHistory
from pcam_core.runs.process_identity import this_process
from pcam_core.runs.record import KeyFigures, new_record
from pcam_core.stage import Stage

FIGURES = KeyFigures(
    model="custom_cnn",
    auc=0.8125,
    auc_low=0.7,
    auc_high=0.9,
    threshold=0.4,
    precision=0.6,
    recall=0.5,
)
DEAD = this_process().model_copy(update={"started": 0.0})


def labels(folder, *, number):
    (folder / "labels.csv").write_text(f"{number}\n" * 200_000)
    return {}


def report(folder, *, number):
    (folder / "report.html").write_text(str(number))
    return {}


for _function in (labels, report):
    _function.__module__ = "pcam_core.listing"  # a key digests code of the package only
LABELS, REPORT = Stage(labels, numeric=False), Stage(report, numeric=False)


def pcam(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def told(done):
    return " ".join(done.output.split())


def tree(folder):
    return {path.relative_to(folder) for path in folder.rglob("*")}


class Runs:
    """Runs on record in a folder, with real artifacts."""

    def __init__(self, out):
        self.out = out
        self.history = RunHistory(out)
        self.forgotten = []

    def add(self, *, data, day, state="done", process=None, **fields):
        """A run of two stages: the first follows `data`, the second the day of the run."""
        started = datetime(2026, 11, day, 15, 58, 12, tzinfo=UTC)
        made = self.history.artifacts
        record = new_record("demo", "/patches", {}, f"flow-{day}").model_copy(
            update={
                "id": f"202611{day:02}-155812-demo-{day:04x}",
                "started": started,
                "ended": started + timedelta(seconds=75) if state != "running" else None,
                "state": state,
                "artifacts": (LABELS.build(made, number=data), REPORT.build(made, number=day)),
                "figures": FIGURES if state == "done" else None,
                "settings": {"name": "demo", "split": {"seed": day}},
                **({"process": process} if process else {}),
                **fields,
            }
        )
        self.history.write(record)
        return record

    def left(self):
        """Days of the runs on record, newest first."""
        return [record.started.day for record in self.history.read()]

    def sound(self):
        """Names of all artifacts that a reader would believe."""
        return {path.parent.name for path in self.history.artifacts.glob("*/manifest.json")}


@pytest.fixture
def runs(tmp_path, monkeypatch):
    runs = Runs(tmp_path / "out")

    def remember(flow_runs, home):
        assert home == runs.out / "prefect"
        runs.forgotten.extend(sorted(flow_runs))

    monkeypatch.setattr(pruning, "forget", remember)
    return runs


class TestRuns:
    def test_newest_first_with_what_matters(self, runs):
        runs.add(data=1, day=2)
        runs.add(data=1, day=3, state="failed", error="The disk [red] is full.")
        runs.add(data=1, day=4, state="running", process=DEAD)
        runs.add(data=1, day=5, changes={"predict.submit": "label"})
        done = pcam("runs", "--out", runs.out)
        assert done.exit_code == 0, done.output
        text = told(done)
        order = [text.index(f"202611{day:02}-155812-demo") for day in (5, 4, 3, 2)]
        assert order == sorted(order)
        for part in (
            "killed",
            "failed",
            "The disk [red] is full.",
            "demo on /patches",
            "2026-11-05 15:58",
            "1 min 15 s",
            "custom_cnn",
            "AUC 0.812 (0.700 to 0.900)",
            "threshold 0.400",
            "--set predict.submit=label",
            "4 runs",
        ):
            assert part in text

    def test_json(self, runs):
        runs.add(data=1, day=2)
        (run,) = json.loads(pcam("runs", "--json", "--out", runs.out).stdout)
        assert (run["id"], run["state"]) == ("20261102-155812-demo-0002", "done")
        assert run["figures"]["auc"] == 0.8125
        assert run["bytes"] > 400_000

    def test_artifacts_that_are_gone_have_no_size(self, runs):
        runs.add(data=1, day=2)
        shutil.rmtree(runs.history.artifacts)
        (run,) = json.loads(pcam("runs", "--json", "--out", runs.out).stdout)
        assert run["bytes"] == 0

    def test_a_damaged_record_hides_no_other(self, runs, caplog):
        runs.add(data=1, day=2)
        (runs.history.folder / "damaged.json").write_text("{")
        done = pcam("runs", "--out", runs.out)
        assert done.exit_code == 0
        assert "20261102-155812-demo-0002" in done.output
        assert "damaged.json" in caplog.text

    def test_nothing_yet(self, tmp_path):
        assert "There are no runs" in pcam("runs", "--out", tmp_path).output
        assert json.loads(pcam("runs", "--json", "--out", tmp_path).stdout) == []
        missing = pcam("runs", "--out", tmp_path / "missing")
        assert (missing.exit_code, "does not exist" in told(missing)) == (2, True)


class TestCompare:
    @pytest.fixture
    def two(self, runs):
        runs.add(data=1, day=2)
        runs.add(data=1, day=3, figures=FIGURES.model_copy(update={"auc": 0.75}), data_key="new")
        return runs

    def test_tells_what_differs(self, two):
        done = pcam("compare", "20261102", "latest", "--out", two.out)
        assert done.exit_code == 0, done.output
        text = told(done)
        for part in (
            "AUC 0.812 (0.700 to 0.900) 0.750 (0.700 to 0.900) -0.062",
            "split.seed 2 3",
            "key - new",
            "shared labels different report changed code none",
        ):
            assert part in text

    def test_json(self, two):
        done = pcam("compare", "latest", "20261102", "--json", "--out", two.out)
        found = json.loads(done.stdout)
        assert found["settings"] == {"split.seed": [3, 2]}
        assert found["shared"] == ["labels"]
        assert found["differences"]["auc"] == 0.0625

    def test_changed_code_and_versions_are_named(self, runs):
        for day in (2, 3):
            runs.add(
                data=1,
                day=day,
                settings={},
                code={"labels": "same", "report": f"digest {day}"},
                versions={"keras": f"3.15.{day}"},
            )
        text = told(pcam("compare", "20261102", "20261103", "--out", runs.out))
        assert "Settings the same" in text
        assert "keras 3.15.2 3.15.3" in text
        assert "changed code report" in text

    def test_a_wrong_name_is_explained(self, two):
        done = pcam("compare", "2026", "latest", "--out", two.out)
        assert done.exit_code == 2
        assert "2 runs begin with '2026'" in told(done)
        assert "20261103-155812-demo-0003, 20261102-155812-demo-0002" in told(done)


class TestPrune:
    def test_only_what_no_kept_run_needs_goes(self, runs):
        runs.add(data=1, day=2)
        runs.add(data=2, day=3)
        kept = runs.add(data=2, day=4)
        (runs.history.artifacts / "hashes.sqlite").touch()
        (runs.history.artifacts / "notes").mkdir()
        for path in ("object-store/demo/model.keras", "demo-data/train_labels.csv"):
            (runs.out / path).parent.mkdir(parents=True)
            (runs.out / path).touch()
        before = tree(runs.out)
        done = pcam("prune", "--keep", 1, "--out", runs.out)
        assert done.exit_code == 0, done.output
        assert runs.left() == [4]
        assert all(artifact.fault() is None for artifact in kept.artifacts)
        assert runs.sound() == {artifact.path.name for artifact in kept.artifacts}
        gone = {str(path).split("/")[0] for path in before - tree(runs.out)}
        assert gone == {"artifacts", "runs"}
        assert {Path("artifacts/hashes.sqlite"), Path("artifacts/notes")} <= tree(runs.out)
        assert runs.forgotten == ["flow-2", "flow-3"]
        assert "labels 0.4 MB report (2) 0.0 MB" in told(done)

    def test_dry_run_says_the_same_and_removes_nothing(self, runs):
        runs.add(data=1, day=2)
        runs.add(data=2, day=3)
        before = tree(runs.out)
        dry = pcam("prune", "--keep", 1, "--dry-run", "--out", runs.out)
        assert tree(runs.out) == before
        assert runs.forgotten == []
        assert "Nothing was removed" in told(dry)
        wet = pcam("prune", "--keep", 1, "--out", runs.out)
        said, did = (run.output.split("\n", 1)[1].rpartition("\n\n")[0] for run in (dry, wet))
        assert said.replace("Would keep", "Kept").split() == did.split()
        assert "20261102-155812-demo-0002 done artifacts labels" in told(wet)

    def test_running_runs_stay_and_killed_ones_do_not(self, runs):
        running = runs.add(data=1, day=2, state="running")
        runs.add(data=2, day=3, state="running", process=DEAD)
        runs.add(data=3, day=4)
        assert pcam("prune", "--keep", 1, "--out", runs.out).exit_code == 0
        assert runs.left() == [4, 2]
        assert {artifact.path.name for artifact in running.artifacts} <= runs.sound()

    def test_failed_runs_do_not_cost_the_last_model(self, runs):
        model = runs.add(data=1, day=2)
        for day in (3, 4):
            runs.add(data=2, day=day, state="failed", error="x", artifacts=())
        assert pcam("prune", "--keep", 1, "--out", runs.out).exit_code == 0
        assert runs.left() == [4, 2]
        assert runs.sound() == {artifact.path.name for artifact in model.artifacts}
        assert pcam("prune", "--keep", 0, "--out", runs.out).exit_code == 0
        assert (runs.left(), runs.sound()) == ([], set())

    def test_history_that_a_kept_run_shares_stays(self, runs):
        runs.add(data=1, day=2, flow_run="repeated")
        runs.add(data=1, day=3, flow_run="repeated")
        pcam("prune", "--keep", 1, "--out", runs.out)
        assert runs.forgotten == []

    def test_unfinished_artifacts_go_unless_a_process_works_on_them(self, runs):
        runs.add(data=1, day=2)
        building = runs.history.artifacts / ".building"
        free, held = (building / f"tune-{digit * 16}" for digit in "ab")
        for folder in (free, held):
            folder.mkdir()
            (folder / "half.bin").write_bytes(bytes(2_000_000))
        code = (
            "import sys\nfrom filelock import FileLock\n"
            "with FileLock(sys.argv[1]): print('held', flush=True); input()"
        )
        command = [sys.executable, "-c", code, str(held.with_suffix(".lock"))]
        with subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as holder:
            assert holder.stdout.readline() == "held\n"
            done = pcam("prune", "--keep", 1, "--out", runs.out)
            assert (free.exists(), held.exists()) == (False, True)
            assert "unfinished tune 2.0 MB" in told(done)
            holder.communicate("\n")
        pcam("prune", "--keep", 1, "--out", runs.out)
        assert not held.exists()
        assert runs.left() == [2]

    def test_what_a_running_run_is_about_to_build_is_left_to_it(self, runs):
        running = runs.add(data=1, day=2, state="running")
        report = running.artifacts[1].path
        building = report.parent / ".building" / report.name
        report.rename(building)
        pcam("prune", "--keep", 0, "--out", runs.out)
        assert building.exists()

    def test_cached_data_goes_that_was_last_opened_before_the_oldest_kept_run(self, runs):
        old = runs.add(data=1, day=2)
        kept = runs.add(data=2, day=3)
        opened = {}
        for name, run in (("old", old), ("kept", kept)):
            opened[name] = runs.history.cache / "mirrors" / name
            opened[name].mkdir(parents=True)
            (opened[name] / "a.tif").write_bytes(bytes(3_000_000))
            then = (run.started + timedelta(seconds=5)).timestamp()
            os.utime(opened[name], (then, then))
        assert "3.0 MB" in told(pcam("prune", "--keep", 1, "--dry-run", "--out", runs.out))
        assert opened["old"].exists()
        done = pcam("prune", "--keep", 1, "--out", runs.out)
        assert "cached data mirrors/old 3.0 MB" in told(done)
        assert [name for name, folder in opened.items() if folder.exists()] == ["kept"]

    def test_cached_data_of_today_may_be_read_by_what_leaves_no_record(self, runs):
        runs.add(data=1, day=2)
        opened = runs.history.cache / "mirrors" / "validated"
        opened.mkdir(parents=True)
        assert pcam("prune", "--keep", 0, "--out", runs.out).exit_code == 0
        assert (runs.left(), opened.exists()) == ([], True)

    def test_a_run_that_starts_meanwhile_keeps_what_it_needs(self, runs):
        old = runs.add(data=1, day=2)
        runs.add(data=2, day=3)
        waste = prune.find_waste(runs.history, keep=1)
        assert [record.id for record in waste.runs] == [old.id]
        started = runs.add(data=1, day=4, state="running")
        removed = prune.remove_waste(waste, runs.history)
        assert runs.left() == [4, 3]
        assert all(artifact.fault() is None for artifact in started.artifacts)
        assert {path.name for path in removed.artifacts} == {old.artifacts[1].path.name}

    def test_half_removed_artifacts_are_not_believed_and_go_next_time(self, runs, monkeypatch):
        old = runs.add(data=1, day=2)
        runs.add(data=2, day=3)

        def killed(folder):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(prune.shutil, "rmtree", killed)
            assert pcam("prune", "--keep", 1, "--out", runs.out).exit_code == 1
        assert not (runs.sound() >= {artifact.path.name for artifact in old.artifacts})
        assert runs.left() == [3, 2]
        assert pcam("prune", "--keep", 1, "--out", runs.out).exit_code == 0
        assert len(runs.sound()) == 2
        assert not [
            path for path in (runs.history.artifacts / ".building").iterdir() if path.is_dir()
        ]

    def test_a_damaged_record_stops_it(self, runs):
        runs.add(data=1, day=2)
        runs.add(data=2, day=3)
        damaged = runs.history.folder / "damaged.json"
        damaged.write_text("{")
        before = tree(runs.out)
        done = pcam("prune", "--keep", 1, "--out", runs.out)
        assert (done.exit_code, tree(runs.out)) == (2, before)
        assert "damaged.json cannot be read" in told(done)
        damaged.unlink()
        assert pcam("prune", "--keep", 1, "--out", runs.out).exit_code == 0

    def test_artifacts_without_any_record_go_only_on_demand(self, runs):
        runs.history.remove(runs.add(data=1, day=2))
        done = pcam("prune", "--keep", 3, "--out", runs.out)
        assert (done.exit_code, len(runs.sound())) == (2, 2)
        assert pcam("prune", "--keep", 0, "--out", runs.out).exit_code == 0
        assert runs.sound() == set()

    def test_nothing_to_remove(self, runs):
        runs.add(data=1, day=2)
        done = pcam("prune", "--keep", 1, "--out", runs.out)
        assert "There is nothing to remove. Runs kept: 1." in told(done)

    @pytest.mark.parametrize("arguments", [[], ["--keep", -1], ["--keep", 1, "--out", "missing"]])
    def test_wrong_use(self, arguments, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert pcam("prune", *arguments).exit_code == 2


@pytest.mark.parametrize("flow_runs", [[], ["4f0c3f0e-0000-4000-8000-000000000000"]])
def test_no_server_is_started_where_none_ever_ran(flow_runs, tmp_path, monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    forget(flow_runs, tmp_path / "prefect")
    assert not (tmp_path / "prefect").exists()
