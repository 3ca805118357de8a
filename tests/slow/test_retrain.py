import json

import pandas as pd
import pytest

from flows.request import RetrainRequest, TrainRequest
from flows.retrain import retrain
from flows.train import finished, train
from pcam_core.errors import InputError
from pcam_core.promotion.hold_out import HoldOut
from pcam_core.runs.history import RunHistory
from pcam_core.stages.split import ROLES
from pcam_core.synth import write_dataset
from tasks.promotion import roll_back
from tasks.registry import MODEL, champion, latest_hold_out
from tasks.tracking import mlflow_client, tracking_uri

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("out")


@pytest.fixture(scope="module")
def first(prefect_server, generated, miniature_recipe, out):
    """The first retraining, whose model nobody is compared with."""
    return retrain(RetrainRequest(data=generated, recipe=miniature_recipe, out=out))


@pytest.fixture(scope="module")
def first_hold_out(first, out):
    return latest_hold_out(out)


@pytest.fixture(scope="module")
def second(first_hold_out, out, tmp_path_factory):
    """A second one, on new data too and by the champion's recipe, which has no chance to win."""
    new = tmp_path_factory.mktemp("new") / "data"
    write_dataset(new, train=60, test=5, seed=9)
    changes = {"promotion.margin": 0.5}
    return retrain(RetrainRequest(data=new, out=out, changes=changes))


def splits_of(out, number):
    record = RunHistory(out).read()[::-1][number]
    (path,) = (a.path for a in record.artifacts if a.stage == "split")
    return pd.read_csv(path / "splits.csv", dtype={"id": str, "group": str})


def test_the_first_is_promoted(first, first_hold_out, out):
    assert (first.promoted, first.version, first.reason) == (True, 1, "there was no champion")
    found = champion(tracking_uri(out))
    assert (found.version, found.hold_out) == (1, 1)
    test = splits_of(out, 0).query("role == 'test'")
    assert set(test["id"]) == first_hold_out.ids()


def test_the_loser_is_kept_with_the_reason(second, out):
    assert (second.promoted, second.version, second.hold_out) == (False, 2, 2)
    assert "margin of 0.5" in second.reason
    client = mlflow_client(tracking_uri(out))
    assert client.get_model_version(MODEL, "2").tags["reason"] == second.reason
    assert champion(tracking_uri(out)).version == 1
    # The champion was scored again, on the same patches.
    tags = client.get_model_version(MODEL, "1").tags
    assert 0 <= json.loads(tags["hold_out_2"])["auc"] <= 1


def test_the_hold_out_grows_and_is_never_trained_on(second, first_hold_out, out):
    latest = latest_hold_out(out)
    assert (latest.version, len(latest.data)) == (2, 2)
    assert first_hold_out.ids() < latest.ids()
    assert not latest.ids() & first_hold_out.trainable()
    splits = splits_of(out, 1)
    assert len(splits) == 160 + 60
    held = splits[splits["id"].isin(latest.ids())]
    assert set(held["role"]) == {"test"}
    assert set(splits.loc[splits["role"] == "test", "id"]) == latest.ids()
    trained = splits[splits["role"] != "test"]
    assert not set(trained["group"]) & set(held["group"])


def test_a_winner_a_rollback_and_no_way_back(second, out, tmp_path):
    new = tmp_path / "data"
    write_dataset(new, train=240, test=5, seed=11)
    better = {
        "tune.space.learning_rate": [1e-3, 3e-3],
        "final.training.max_steps": None,
        "final.training.epochs": 20,
        "final.training.stop_patience": 20,
        # So few patches say nothing of these.
        "promotion.sensitivity_loss": 1.0,
        "promotion.calibration_loss": 1.0,
    }
    request = RetrainRequest(data=new, out=out, changes=better)
    third = retrain(request)
    assert third.promoted, third.reason
    assert third.reason.startswith("AUC +")
    assert champion(tracking_uri(out)).version == third.version == 3
    assert roll_back(out) == (3, 1)
    # What people have taken out of service stays out, although it is better.
    again = retrain(request)
    assert (again.promoted, again.version) == (False, 3)
    assert again.reason == "it has been taken out of service"
    assert champion(tracking_uri(out)).version == 1


def test_an_experiment_learns_nothing_of_the_hold_out(second, generated, miniature_recipe, out):
    request = TrainRequest(data=generated, recipe=miniature_recipe, out=out)
    assert finished(request) is None
    train(request)
    table = splits_of(out, -1)
    held = table["id"].isin(latest_hold_out(out).ids())
    assert held.any()
    assert set(table.loc[held, "role"]) == {"unused"}
    assert set(table["role"]) == {*ROLES, "unused"}
    assert finished(request)


def test_a_first_one_must_name_its_recipe(prefect_server, generated, tmp_path):
    with pytest.raises(InputError, match=r"no champion yet .* Name the recipe"):
        retrain(RetrainRequest(data=generated, out=tmp_path))


def test_the_request():
    schema = RetrainRequest.model_json_schema()["properties"]
    assert schema["recipe"]["pattern"].startswith("^champion$|")
    assert RetrainRequest(data=["a"]).recipe == "champion"
    assert HoldOut(version=1, key="k", data=(), path="p").key == "k"
