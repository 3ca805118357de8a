"""What `pcam score` asks for, and what it says at the end; nothing is scored here."""

import json

import pytest
from typer.testing import CliRunner

from deployments.cli import app
from flows import score as flow
from pcam_core.scoring.score import Scored


@pytest.fixture
def pcam(tmp_path, monkeypatch, no_embedded_server):
    """Give the command; `pcam.requests` are those of the flow, which gives `pcam.scored`."""

    def run(*words):
        given = ["--input", "in", "--out", str(tmp_path / "scores"), "--runs", str(tmp_path)]
        done = CliRunner().invoke(app, ["score", *given, *words])
        assert done.exit_code == 0, done.output
        return done.stdout

    def score(request):
        run.requests.append(request)
        return run.scored

    run.requests, run.scored = [], Scored()
    monkeypatch.setattr("deployments.foreground.in_foreground", lambda work, *_: work())
    monkeypatch.setattr(flow, "score", score)
    return run


def test_nothing_new_is_not_the_same_as_nothing_read(pcam):
    assert pcam() == "There is nothing new to score.\n"
    pcam.scored = Scored(unread=3)
    assert pcam() == "Files not scored, see above: 3. The next run looks again.\n"
    assert json.loads(pcam("--json")) == []


def test_who_stops_early_is_warned_as_early(pcam):
    pcam()
    pcam("--unlike-stop", "0.03")
    assert [request.drift.stop_unlike for request in pcam.requests] == [0.5, 0.03]
    assert [request.drift.warn_unlike for request in pcam.requests] == [0.05, 0.03]
