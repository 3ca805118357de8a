import os
import sys
import time

import pytest

from deployments.service.process import Process
from pcam_core.errors import InputError


@pytest.fixture
def process(tmp_path):
    made = []

    def running(code):
        command = (sys.executable, "-c", code)
        made.append(Process("sleeper", command, os.environ, tmp_path / "sleeper.log"))
        made[-1].start()
        return made[-1]

    yield running
    for one in made:
        one.terminate()
        assert one.wait(10)


def test_what_ends_is_started_again(process):
    sleeper = process("import time; time.sleep(60)")
    first = sleeper.pid
    sleeper.terminate()
    assert sleeper.wait(10)
    end = time.monotonic() + 10
    assert sleeper.tend() is not None, "its end is told once"
    while sleeper.pid == first and time.monotonic() < end:
        assert sleeper.tend() is None
        time.sleep(0.05)
    assert sleeper.pid != first
    assert sleeper.code is None


def test_one_that_ends_at_once_names_its_log(process, tmp_path):
    sleeper = process("print('no such thing'); raise SystemExit(7)")
    with pytest.raises(InputError, match=r"exit code 7.*sleeper\.log"):
        sleeper.wait_until(lambda: False)
    assert "no such thing" in (tmp_path / "sleeper.log").read_text()


def test_what_it_starts_is_known_as_its_own(process, tmp_path):
    code = "import os, subprocess; subprocess.run(['printenv', 'PCAM_SERVICE_PART'])"
    assert process(code).wait(10)
    assert (tmp_path / "sleeper.log").read_text() == "sleeper\n"
