"""Which model a scoring run pins, and the task around it."""

import hashlib
from types import SimpleNamespace

import pytest
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow
from prefect.states import AwaitingRetry

from pcam_core.drift.settings import DriftSettings
from pcam_core.errors import InputError
from pcam_core.scoring.score import Scored
from tasks import score
from tasks.model_version import register_model
from tasks.registry import MODEL
from tasks.score import PinnedModel, pin_model, score_patches


@pytest.fixture
def crown(out, run_of, client):
    """Register a model and make it champion."""

    def crown(name, auc):
        version = register_model(run_of(name, auc), None)
        client.set_registered_model_alias(MODEL, "champion", str(version))
        return version

    return crown


def test_the_champion_is_pinned(out, crown):
    with pytest.raises(InputError, match="no champion to score with"):
        pin_model.fn("champion", out)
    first = crown("a", 0.9)
    pinned = pin_model.fn("champion", out)
    later = crown("b", 0.95)
    assert pinned.version == first
    assert pinned.address == str(out / "object-store" / "a" / "model.keras")
    assert pinned.sha256 == hashlib.sha256(b"a").hexdigest()
    assert pin_model.fn("champion", out).version == later


def test_a_run_that_is_taken_up_again_keeps_its_model(out, crown, prefect_server):
    ends = iter([RuntimeError("crashed"), None])

    @flow
    def pinning():
        pinned = pin_model("champion", out)
        if end := next(ends):
            raise end
        return pinned

    first = crown("a", 0.9)
    crashed = pinning(return_state=True)
    later = crown("b", 0.95)
    assert crashed.is_failed()
    with get_client(sync_client=True) as client:
        run = crashed.state_details.flow_run_id
        client.set_flow_run_state(run, AwaitingRetry(), force=True)
        again = client.read_flow_run(run)
    assert run_flow(pinning, again).version == first
    ends = iter([None])
    assert pinning().version == later


def test_a_given_model_is_pinned_by_its_checksum(tmp_path, monkeypatch):
    asked = []

    def served(address, sha256=None):
        asked.append((address, sha256))
        return _given(SimpleNamespace(description=SimpleNamespace(sha256="a" * 64)))

    monkeypatch.setattr(score, "served", served)
    monkeypatch.setattr(score, "score_new", lambda *_: Scored())
    monkeypatch.setattr(score, "show_table", lambda *_: None)
    pinned = pin_model.fn("elsewhere", tmp_path)
    assert pinned == PinnedModel(address="elsewhere", sha256="a" * 64)
    score_patches.fn(pinned, "in", str(tmp_path), DriftSettings())
    assert asked == [("elsewhere", None), ("elsewhere", "a" * 64)]


def test_the_task_tells_what_it_published(tmp_path, monkeypatch):
    told = []
    monkeypatch.setattr(score, "show_table", lambda *arguments: told.append(arguments))
    monkeypatch.setattr(score, "served", lambda *_: _given("model"))
    batch = SimpleNamespace(
        manifest=SimpleNamespace(number=1, figures={"patches": 3}),
        predictions="scores/predictions.csv",
        drift="scores/drift.html",
    )
    scored = SimpleNamespace(batches=[batch], unread=2)
    monkeypatch.setattr(score, "score_new", lambda *_: scored)
    pinned = PinnedModel(address="x", sha256="0", version=4)
    assert score_patches.fn(pinned, "in", str(tmp_path), DriftSettings()) is scored
    ((key, title, rows),) = told
    assert (key, title) == ("scored", "3 new patches, 2 unread")
    assert rows[0]["report"] == "scores/drift.html"


def _given(value):
    from contextlib import nullcontext

    return nullcontext(value)
