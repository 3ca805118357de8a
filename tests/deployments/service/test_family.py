import os
import subprocess
import sys

import psutil

from deployments.service import family
from deployments.service.environment import MARK
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
    monkeypatch.setattr(family, "_PATIENCE_S", 1.0)
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
