import json

from tasks.model_version import register_model
from tasks.registry import MODEL


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
