"""What has been scored, as manifests tell it."""

import pandas as pd
import pytest

from pcam_core.errors import InputError
from pcam_core.scoring.ledger import PREDICTIONS, Ledger, Manifest


def commit(ledger, number, *ids):
    table = pd.DataFrame({"id": ids, "sha256": "s", "etag": "e"})
    stored = ledger.publish("batches", {PREDICTIONS: table.to_csv(index=False)})
    batch = Manifest(
        number=number, source="in", model={}, figures={}, finished="2026-11-30", files=stored
    )
    assert ledger.commit(batch)


@pytest.fixture
def ledger(tmp_path):
    """Three batches of a patch each."""
    ledger = Ledger(str(tmp_path))
    for number, name in enumerate("abc", start=1):
        commit(ledger, number, name)
    return ledger


def test_all_batches_are_known_in_their_order(ledger, tmp_path):
    (tmp_path / "manifests" / "notes.json").touch()
    (tmp_path / "manifests" / "4.json").touch()
    last, table = ledger.scored()
    assert (last, list(table["id"])) == (3, ["a", "b", "c"])


@pytest.mark.parametrize("late", ["batches/", "manifests/000004"])
def test_a_batch_that_is_published_during_the_listing_is_no_damage(ledger, monkeypatch, late):
    """Another run publishes two batches while the folders are listed, one after the other."""
    listed, times = ledger._source.entries, iter(["first"])

    def entries():
        before = {entry.name for entry in listed()}
        if next(times, None):
            commit(Ledger(ledger.address), 4, "d")
            commit(Ledger(ledger.address), 5, "e")
            return [
                entry
                for entry in listed()
                if entry.name in before or not entry.name.startswith(late)
            ]
        return listed()

    monkeypatch.setattr(type(ledger._source), "entries", lambda _: entries())
    last, table = ledger.scored()
    assert (last, list(table["id"])) == (5, ["a", "b", "c", "d", "e"])


def test_a_missing_manifest_amid_others_is_named(ledger, tmp_path):
    (tmp_path / "manifests" / "000002.json").unlink()
    with pytest.raises(InputError, match=r"/manifests/000002\.json is missing") as error:
        ledger.scored()
    assert "give another place" in error.value.remedy


def test_missing_predictions_are_damage(ledger, tmp_path):
    for file in tmp_path.glob("batches/*/*"):
        file.unlink()
    with pytest.raises(InputError, match=r"000001\.json, or the .* is damaged or missing") as error:
        ledger.scored()
    assert "give another place" in error.value.remedy
