"""The order of things in a scoring run."""

import pytest

from flows import score as module
from flows.request import ScoreRequest
from flows.score import score
from pcam_core.errors import InputError
from pcam_core.scoring.score import Scored
from tasks.score import PinnedModel


@pytest.fixture
def request_(tmp_path, monkeypatch, prefect_server):
    """A request for three addresses, of which what a test names cannot be scored."""
    pinned = PinnedModel(address="model", sha256="0" * 64)
    monkeypatch.setattr(module, "pin_model", lambda *_: pinned)

    def make(*wrong):
        def score_patches(model, address, destination, drift):
            assert model == pinned
            scored.append(address)
            if address in wrong:
                raise InputError(f"{address} is wrong.", "Mend it.")
            return Scored(unread=1)

        monkeypatch.setattr(module, "score_patches", score_patches)
        return ScoreRequest(data=["a", "b", "c"], out=tmp_path)

    scored = make.scored = []
    return make


def test_all_addresses_are_scored_with_the_pinned_model(request_):
    assert score(request_()) == Scored(unread=3)


def test_one_that_is_wrong_keeps_no_other_from_being_scored(request_):
    with pytest.raises(InputError, match=r"^a is wrong\. c is wrong\. Mend it\.$"):
        score(request_("a", "c"))
    assert request_.scored == ["a", "b", "c"]
