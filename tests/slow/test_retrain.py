"""Retraining without a service; see `service/test_production.py` for the rest."""

import pandas as pd
import pytest

from flows.request import RetrainRequest, TrainRequest
from flows.retrain import retrain
from flows.train import finished, train
from pcam_core.errors import InputError
from pcam_core.promotion.hold_out import HoldOut
from pcam_core.runs.history import RunHistory
from pcam_core.stages.split import ROLES
from tasks.champion import champion
from tasks.hold_out_version import latest_hold_out
from tasks.mlflow_connection import tracking_uri

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def first(prefect_server, generated, miniature_recipe, out):
    """The first retraining, whose model nobody is compared with."""
    changes = {"promotion.sensitivity_loss": 0.5}
    return retrain(
        RetrainRequest(data=generated, recipe=miniature_recipe, out=out, changes=changes)
    )


def splits_of(out, number):
    record = RunHistory(out).read()[::-1][number]
    (path,) = (a.path for a in record.artifacts if a.stage == "split")
    return pd.read_csv(path / "splits.csv", dtype={"id": str, "group": str})


def test_the_first_is_promoted(first, out):
    assert (first.promoted, first.version, first.reason) == (True, 1, "there was no champion")
    found = champion(tracking_uri(out))
    assert (found.version, found.hold_out) == (1, 1)
    test = splits_of(out, 0).query("role == 'test'")
    assert set(test["id"]) == latest_hold_out(out).ids()


def test_the_champions_recipe_does_not_say_how_others_are_judged(first, generated, out):
    again = retrain(RetrainRequest(data=generated, out=out))
    assert again.reason == "it is the champion already"
    losses = [record.settings["promotion"]["sensitivity_loss"] for record in RunHistory(out).read()]
    assert losses == [0.01, 0.5]


def test_an_experiment_learns_nothing_of_the_hold_out(first, generated, miniature_recipe, out):
    request = TrainRequest(data=generated, recipe=miniature_recipe, out=out)
    assert finished(request) is None
    train(request)
    table = splits_of(out, -1)
    held = table["id"].isin(latest_hold_out(out).ids())
    assert held.any()
    assert set(table.loc[held, "role"]) == {"unused"}
    assert set(table["role"]) == {*ROLES, "unused"}
    assert finished(request)


def test_data_of_earlier_retrainings_that_has_moved(first, generated, out, tmp_path):
    moved = generated.rename(tmp_path / "moved")
    try:
        with pytest.raises(InputError, match=r"earlier retrainings \(.*with_earlier"):
            retrain(RetrainRequest(data=moved, out=out))
        again = retrain(RetrainRequest(data=moved, with_earlier=False, out=out))
    finally:
        moved.rename(generated)
    assert (again.version, again.hold_out) == (1, 2)
    assert latest_hold_out(out).data == (str(moved),)


def test_a_first_one_must_name_its_recipe(prefect_server, generated, tmp_path):
    with pytest.raises(InputError, match=r"no champion yet .* Name the recipe"):
        retrain(RetrainRequest(data=generated, out=tmp_path))


def test_the_request():
    schema = RetrainRequest.model_json_schema()["properties"]
    assert schema["recipe"]["pattern"].startswith("^champion$|")
    assert RetrainRequest(data=["a"]).recipe == "champion"
    assert HoldOut(version=1, key="k", data=(), path="p").key == "k"
