import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic import Field

from pcam_core.artifact import Artifact
from pcam_core.datasets.kaggle_folder import KaggleFolder
from pcam_core.section import Section
from pcam_core.stage import Stage

ROOT = Path(__file__).parents[1]
SLOW = """
import sys, time
from pathlib import Path
from pcam_core.stage import Stage

def slow(folder):
    with open(sys.argv[2], "a") as log:
        log.write("computed\\n")
    (folder / "half.txt").write_text("half")
    time.sleep(float(sys.argv[3]))
    return {"told": 1}

slow.__module__ = "pcam_core.listing"
print(Stage(slow, numeric=False).build(Path(sys.argv[1])).key)
"""


class Settings(Section):
    size: int = Field(3)
    name: str = Field("a")


def made(function, *, numeric=False):
    function.__module__ = "pcam_core.listing"  # a key digests code of the package only
    return Stage(function, numeric=numeric)


@pytest.fixture
def calls():
    return []


@pytest.fixture
def square(calls):
    def square(folder, *, settings, parent=None):
        calls.append(settings.size)
        (folder / "square.txt").write_text(str(settings.size**2))
        return {"square": settings.size**2, "parent": bool(parent)}

    return made(square)


def test_builds_once_and_finds(square, calls, tmp_path):
    first = square.build(tmp_path, settings=Settings())
    again = square.build(tmp_path, settings=Settings())
    assert first == again == square.find(tmp_path, first.key)
    assert (calls, first.figures["square"]) == ([3], 9)
    assert (first.path / "square.txt").read_text() == "9"
    assert list((tmp_path / ".building").iterdir()) in (
        [],
        [tmp_path / ".building" / f"{first.path.name}.lock"],
    )


def test_nothing_is_found_before(square, tmp_path):
    assert square.find(tmp_path, square.key(settings=Settings())) is None


def test_a_failure_leaves_nothing_and_can_be_repeated(tmp_path):
    trouble = [True]

    def fragile(folder):
        (folder / "half.txt").write_text("half")
        if trouble:
            raise OSError(trouble.pop())
        assert not (folder / "other.txt").exists()
        return {}

    stage = made(fragile)
    with pytest.raises(OSError, match="True"):
        stage.build(tmp_path)
    assert stage.find(tmp_path, stage.key()) is None
    assert not list(tmp_path.rglob("half.txt"))
    assert stage.build(tmp_path).fault() is None


def test_figures_that_are_no_json_leave_nothing(tmp_path):
    stage = made(lambda _: {"loss": float("nan")})
    with pytest.raises(ValueError, match="JSON"):
        stage.build(tmp_path)
    assert stage.find(tmp_path, stage.key()) is None


def flip(path):
    (path / "square.txt").write_text("8")


def remove(path):
    (path / "square.txt").unlink()


def truncate(path):
    os.truncate(path / "manifest.json", 40)


@pytest.mark.parametrize("harm", [flip, remove, truncate])
def test_harm_is_logged_and_rebuilt(square, calls, tmp_path, harm, caplog):
    first = square.build(tmp_path, settings=Settings())
    harm(first.path)
    again = square.build(tmp_path, settings=Settings())
    assert "damaged" in caplog.text
    assert str(first.path) in caplog.text
    assert (again, calls, again.fault()) == (first, [3, 3], None)
    assert (again.path / "square.txt").read_text() == "9"


def test_keys_follow_the_inputs(square):
    one = Artifact(stage="x", key="1", path=Path("a"))
    moved = Artifact(stage="x", key="1", path=Path("b"))
    two = Artifact(stage="x", key="2", path=Path("a"))
    raw = KaggleFolder(address="a", path=Path("a"), key="1")
    keys = [
        square.key(settings=Settings(size=size, name=name), parent=parent)
        for size in (3, 4)
        for name in ("a", "b")
        for parent in (one, two, None)
    ]
    assert len(set(keys)) == len(keys)
    base = square.key(settings=Settings(), parent=one)
    assert base == keys[0] == square.key(parent=moved, settings=Settings(size=3))
    assert base == square.key(settings=Settings(), parent=raw)
    assert square.key(parent=[one, two]) != square.key(parent=[two, one])
    assert square.key(parent={"a": one}) != square.key(parent={"b": one})


def test_stages_of_one_module_differ_by_name(calls):
    def other(folder, *, settings):
        raise AssertionError

    def square(folder, *, settings):
        raise AssertionError

    assert made(other).key(settings=Settings()) != made(square).key(settings=Settings())


@pytest.mark.parametrize("numeric", [True, False])
def test_only_numeric_keys_follow_the_backend(monkeypatch, numeric):
    stage = made(lambda _: {}, numeric=numeric)
    keys = set()
    for backend in ("tensorflow", "jax"):
        monkeypatch.setenv("KERAS_BACKEND", backend)
        keys.add(stage.key())
    assert len(keys) == (2 if numeric else 1)


@pytest.mark.parametrize("value", [{1, 2}, object(), Path("a")])
def test_an_input_of_unknown_content_has_no_key(square, value):
    with pytest.raises(TypeError):
        square.key(settings=value)


def start(tmp_path, seconds):
    return subprocess.Popen(
        [sys.executable, "-c", SLOW, tmp_path / "out", tmp_path / "log", str(seconds)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        text=True,
    )


def test_two_processes_compute_once(tmp_path):
    processes = [start(tmp_path, 0.5) for _ in range(2)]
    keys = {process.communicate(timeout=60)[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0]
    assert len(keys) == 1
    assert (tmp_path / "log").read_text() == "computed\n"


def test_a_killed_process_leaves_nothing_believed(tmp_path):
    process = start(tmp_path, 600)
    deadline = time.monotonic() + 60
    while not list(tmp_path.rglob("half.txt")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    assert not list((tmp_path / "out").glob("slow-*"))

    after = start(tmp_path, 0)
    assert len(after.communicate(timeout=60)[0].strip()) == 64
    (folder,) = (tmp_path / "out").glob("slow-*")
    assert sorted(path.name for path in folder.iterdir()) == ["half.txt", "manifest.json"]
