import threading
import time

import pytest

from pcam_core.progress import Meter, listening
from pcam_core.training.stall import StalledError, watched


def steps(count, pause):
    meter = Meter("Steps", count, interval=0)
    for _ in range(count):
        time.sleep(pause)
        meter.advance()
    return count


def test_work_that_goes_on_returns_and_tells_its_progress():
    told = []
    with listening(told.append):
        assert watched("Work", lambda: steps(5, 0.01), least=30) == 5
    assert told[-1].done == 5


def test_its_error_is_raised():
    def fail():
        raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        watched("Work", fail)


def test_a_stall_is_explained_and_its_thread_ends_at_the_next_sign_of_life():
    waiting, went_on = threading.Event(), []

    def stall():
        steps(3, 0.01)
        waiting.wait(30)
        steps(1, 0)
        went_on.append(True)

    with pytest.raises(StalledError, match=r"Tune: nothing moved .* last checkpoint"):
        watched("Tune", stall, least=0.5)
    waiting.set()
    for thread in threading.enumerate():
        if thread.name == "Tune":
            thread.join(5)
    assert not went_on


def test_slow_steps_are_no_stall():
    def work():
        meter = Meter("Steps", 4, interval=0)
        for pause in (0.3, 0.3, 0.3, 2.2):
            time.sleep(pause)
            meter.advance()
        return "done"

    assert watched("Work", work, least=1, times=20) == "done"
