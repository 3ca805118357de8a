from pathlib import Path

import pytest

from pcam_core.errors import InputError
from pcam_core.stages.registered import registered
from tasks.champion import champion, champion_recipe, registered_model
from tasks.mlflow_connection import tracking_uri
from tasks.model_version import register_model
from tasks.registry import MODEL


@pytest.fixture
def crowned(out, run_of, client):
    """Version 1, made champion."""
    run = run_of("a", 0.9)
    client.set_registered_model_alias(MODEL, "champion", str(register_model(run, None)))
    return run


def test_nobody_is_champion(out, tmp_path, run_of):
    elsewhere = tracking_uri(tmp_path / "elsewhere")
    assert champion(elsewhere) is None
    # Asking makes no database.
    assert not (tmp_path / "elsewhere").exists()
    assert champion(tracking_uri(out)) is None
    register_model(run_of("a"), None)
    assert champion(tracking_uri(out)) is None


def test_the_champion(crowned, out):
    found = champion(tracking_uri(out))
    assert (found.version, found.run, found.threshold) == (1, crowned.id, 0.4)
    assert found.metrics["auc"] == 0.9
    assert found.hold_out is None
    assert Path(found.address).read_text() == "a"
    recipe = champion_recipe(tracking_uri(out), found)
    assert recipe == crowned.recipe.model_dump(mode="json")


def test_a_registered_model_is_taken_out_of_the_store(crowned, out, tmp_path):
    uri = tracking_uri(out)
    model = registered_model(uri, champion(uri))
    artifact = registered.build(tmp_path / "artifacts", model=model)
    assert (artifact.path / "model.keras").read_text() == "a"
    assert artifact.figures == {"threshold": 0.4, "views": 4}
    assert registered.key(model=model) == registered.key(
        model=model.model_copy(update={"address": "/elsewhere"})
    )


def test_another_file_than_was_registered_is_refused(crowned, out, tmp_path):
    uri = tracking_uri(out)
    found = champion(uri)
    Path(found.address).write_text("poison")
    with pytest.raises(InputError, match=r"another file than was registered.*rollback"):
        registered.build(tmp_path / "artifacts", model=registered_model(uri, found))
    Path(found.address).unlink()
    with pytest.raises(InputError, match="not there any more"):
        registered.build(tmp_path / "artifacts", model=registered_model(uri, found))


def test_a_registered_model_on_s3(crowned, out, tmp_path, aws_environment, endpoint):
    import boto3

    uri = tracking_uri(out)
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="registered")
    client.put_object(Bucket="registered", Key="x/model.keras", Body=b"a")
    model = registered_model(uri, champion(uri)).model_copy(
        update={"address": "s3://registered/x/model.keras"}
    )
    artifact = registered.build(tmp_path / "artifacts", model=model)
    assert sorted(artifact.manifest["files"]) == ["calibrator.json", "model.keras"]


def test_a_server_that_is_down_is_named(out, monkeypatch, run_of):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(InputError, match=r"127.0.0.1:9 does not tell the champion"):
        champion("http://127.0.0.1:9")
