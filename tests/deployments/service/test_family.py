import os
import subprocess
import sys

import psutil

from deployments import process_ending
from deployments.service.environment import MARK, PART
from deployments.service.family import end_family
from deployments.service.home import Home

# It starts a second one that outlives it, and neither heeds a polite word.
STUBBORN = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if len(sys.argv) == 1:
    print(subprocess.Popen([sys.executable, __file__, "child"]).pid, flush=True)
time.sleep(60)
"""


def test_only_its_own_end_and_all_of_them(tmp_path, monkeypatch):
    monkeypatch.setattr(process_ending, "_PATIENCE_S", 1.0)
    script = tmp_path / "stubborn.py"
    script.write_text(STUBBORN)

    def started(home):
        environment = os.environ | {MARK: str(home)}
        command = [sys.executable, str(script)]
        return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)

    ours, others = started(tmp_path / "ours"), started(tmp_path / "others")
    pids = [int(parent.stdout.readline()) for parent in (ours, others)]
    ours.kill()
    ours.wait()
    end_family(Home(tmp_path / "ours"))
    assert not psutil.pid_exists(pids[0]) or psutil.Process(pids[0]).status() == "zombie"
    assert others.poll() is None
    assert psutil.Process(pids[1]).status() != "zombie"
    end_family(Home(tmp_path / "others"))
    assert others.poll() is not None


def test_of_a_part_that_was_killed_only_its_own_end(tmp_path):
    def started(part):
        environment = os.environ | {MARK: str(tmp_path), PART: part}
        command = [sys.executable, "-c", "import time; time.sleep(60)"]
        return subprocess.Popen(command, env=environment)

    first, second = started("worker 0"), started("worker 1")
    end_family(Home(tmp_path), part="worker 0")
    assert first.poll() is not None
    assert second.poll() is None
    end_family(Home(tmp_path))
    assert second.poll() is not None


# It starts another one when it is told to end.
FERTILE = """
import signal, subprocess, sys, time
def end(*_):
    code = "import time; time.sleep(60)"
    print(subprocess.Popen([sys.executable, "-c", code], stdout=2).pid, flush=True)
    raise SystemExit
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
time.sleep(60)
"""


def test_what_starts_meanwhile_ends_too(tmp_path):
    environment = os.environ | {MARK: str(tmp_path)}
    command = [sys.executable, "-c", FERTILE]
    parent = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    assert parent.stdout.readline() == "ready\n"
    end_family(Home(tmp_path))
    child = int(parent.stdout.readline())
    assert not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie"
