"""Each line of a run's log is printed once, whenever it comes."""

import io
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from rich.console import Console

from deployments.service import run_log
from deployments.service.run_log import RunLog

START = datetime(2026, 11, 23, tzinfo=UTC)


class Server:
    """Keeps lines; gives them in the order of their times, page by page."""

    def __init__(self):
        self.lines = []

    def add(self, second, message, task=None):
        at = START + timedelta(seconds=second)
        self.lines.append(
            SimpleNamespace(id=uuid4(), timestamp=at, message=message, task_run_id=task)
        )

    def read_logs(self, chosen, limit, offset):
        since = chosen.timestamp.after_ if chosen.timestamp else None
        found = [line for line in self.lines if since is None or line.timestamp >= since]
        return sorted(found, key=lambda line: line.timestamp)[offset : offset + limit]

    def read_task_runs(self, **_):
        return []


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def look(server):
    """Look at the log once, and return the messages that this prints."""
    console = Console(file=io.StringIO(), width=200)
    log = RunLog(server, uuid4(), console)

    def messages():
        console.file = io.StringIO()
        printed = log.print_new()
        lines = console.file.getvalue().splitlines()
        assert printed == bool(lines)
        return [line.split("  ", 1)[1] for line in lines]

    return messages


def test_a_line_that_comes_late_is_neither_missed_nor_are_others_repeated(server, look):
    server.add(0, "first")
    server.add(10, "third")
    assert look() == ["first", "third"]
    server.add(5, "second, from another process")
    assert look() == ["second, from another process"]
    assert look() == []
    server.add(11, "fourth", task=uuid4())
    assert look() == ["task: fourth"]


def test_of_a_long_log_only_the_end_is_read_again(server, look, monkeypatch):
    monkeypatch.setattr(run_log, "_MOST", 10)
    for second in range(300):
        server.add(second, f"line {second}")
    assert look() == [f"line {second}" for second in range(300)]
    server.add(300, "line 300")
    assert look() == ["line 300"]
    asked = []
    read = server.read_logs
    monkeypatch.setattr(
        server, "read_logs", lambda *a, **k: asked.append(read(*a, **k)) or asked[-1]
    )
    assert look() == []
    assert sum(map(len, asked)) < 100


def test_lines_of_one_instant_are_all_printed(server, look):
    for number in range(3):
        server.add(0, f"line {number}")
    assert len(look()) == 3
    server.add(0, "line 3")
    assert look() == ["line 3"]
