"""Which model a scoring run pins, and the task around it."""

from types import SimpleNamespace

import pytest

from pcam_core.drift.settings import DriftSettings
from pcam_core.errors import InputError
from tasks import score
from tasks.model_version import register_model
from tasks.registry import MODEL
from tasks.score import PinnedModel, pin_model, score_patches


def test_the_champion_is_pinned(out, run_of, client):
    with pytest.raises(InputError, match="no champion to score with"):
        pin_model("champion", out)
    first = register_model(run_of("a", 0.9), None)
    client.set_registered_model_alias(MODEL, "champion", str(first))
    pinned = pin_model("champion", out)
    later = register_model(run_of("b", 0.95), None)
    client.set_registered_model_alias(MODEL, "champion", str(later))
    assert pinned.version == first
    assert pinned.address == str(out / "object-store" / "a" / "model.keras")
    assert pin_model("champion", out).version == later
    assert pin_model("elsewhere/model.keras", out) == PinnedModel(address="elsewhere/model.keras")


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
    pinned = PinnedModel(address="x", version=4)
    assert score_patches.fn(pinned, "in", str(tmp_path), DriftSettings()) is scored
    ((key, title, rows),) = told
    assert (key, title) == ("scored", "3 new patches, 2 unread")
    assert rows[0]["report"] == "scores/drift.html"


def _given(value):
    from contextlib import nullcontext

    return nullcontext(value)
