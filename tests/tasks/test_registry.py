import json
from pathlib import Path

import pytest

from pcam_core.errors import InputError
from pcam_core.stages.registered import registered
from tasks.registry import (
    MODEL,
    champion,
    champion_recipe,
    latest_hold_out,
    register_hold_out,
    register_model,
    registered_model,
)
from tasks.tracking import tracking_uri


@pytest.fixture
def crowned(out, run_of, client):
    """Version 1, made champion."""
    run = run_of("a", 0.9)
    client.set_registered_model_alias(MODEL, "champion", str(register_model(run, None)))
    return run


def test_every_model_is_a_version_by_address(run_of, client, out):
    run, other = run_of("a", 0.9), run_of("b", 0.8)
    assert (register_model(run, None), register_model(other, None)) == (1, 2)
    version = client.get_model_version(MODEL, "1")
    assert version.source == str(out / "object-store" / "a" / "model.keras")
    assert version.run_id == run.id
    tags = version.tags
    assert tags["split_key"] == run.artifacts["split"].key
    assert tags["data_key"] == "d" * 64
    assert (tags["data"], tags["recipe"], tags["model"]) == ("/data", "demo", "custom_cnn")
    assert json.loads(tags["metrics"])["auc"] == 0.9
    assert "hold_out" not in tags
    # The model itself is not copied.
    assert not [path for path in (out / "mlflow").rglob("*") if path.suffix == ".keras"]


def test_the_same_model_is_one_version(run_of):
    assert register_model(run_of("a"), None) == 1
    again = run_of("b")
    again.artifacts = {**again.artifacts, "evaluate": run_of("c").artifacts["evaluate"]}
    assert register_model(again, None) == 2
    assert register_model(again, None) == 2


def test_a_card_is_the_description(run_of, client):
    run = run_of("a")
    (run.artifacts["report"].path / "model_card.md").write_text("# Card")
    register_model(run, None)
    assert client.get_model_version(MODEL, "1").description == "# Card"
    assert "model_card.md" in {item.path for item in client.list_artifacts(run.id)}


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


def test_versions_of_the_hold_out(out, hold_out_of, client):
    assert latest_hold_out(out) is None
    first = register_hold_out(out, hold_out_of({"a"}, {"x"}), ["/old"], None)
    assert (first.version, first.ids(), first.trainable()) == (1, {"a"}, {"x"})
    assert latest_hold_out(out) == first
    second = register_hold_out(out, hold_out_of({"a", "b"}, {"x"}), ["/old", "/new"], first)
    assert (second.version, second.data) == (2, ("/old", "/new"))
    assert latest_hold_out(out) == second


def test_an_equal_hold_out_is_no_new_version(out, hold_out_of):
    drawn = hold_out_of({"a"}, {"x"})
    first = register_hold_out(out, drawn, ["/old"], None)
    assert register_hold_out(out, drawn, ["/old"], first) == first


def test_an_equal_hold_out_of_data_that_has_moved_is_a_new_version(out, hold_out_of):
    drawn = hold_out_of({"a"}, {"x"})
    first = register_hold_out(out, drawn, ["/old"], None)
    moved = register_hold_out(out, drawn, ["/moved"], first)
    assert (moved.version, moved.key, moved.data) == (2, first.key, ("/moved",))
    assert latest_hold_out(out) == moved


def test_who_draws_after_an_older_version_has_to_draw_again(out, hold_out_of):
    first = register_hold_out(out, hold_out_of({"a"}, {"x"}), ["/old"], None)
    assert register_hold_out(out, hold_out_of({"a", "b"}, {"x"}), ["/new"], None) is None
    assert latest_hold_out(out) == first


def test_a_lost_copy_of_the_hold_out_is_fetched_and_a_changed_one_refused(out, hold_out_of):
    first = register_hold_out(out, hold_out_of({"a"}, {"x"}), ["/old"], None)
    first.path.unlink()
    assert latest_hold_out(out).ids() == {"a"}
    first.path.unlink()
    (file,) = (out / "mlflow" / "files").rglob("hold-out.csv.gz")
    file.write_bytes(b"another")
    with pytest.raises(InputError, match="is not what was registered"):
        latest_hold_out(out)


def test_a_server_that_is_down_is_named(out, monkeypatch, run_of):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(InputError, match=r"127.0.0.1:9 does not tell the champion"):
        champion("http://127.0.0.1:9")
