import json
import subprocess
import sys

from typer.testing import CliRunner

from deployments.cli import app


def test_the_table_names_every_model_in_a_narrow_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    found = CliRunner().invoke(app, ["models"])
    assert found.exit_code == 0
    assert max(map(len, found.output.splitlines())) <= 80
    for part in ("custom_cnn", "25,686,913", "1,312,769", "imagenet, none, file", "96 px"):
        assert part in found.output
    assert "arxiv.org/abs/2201.03545" in found.output


def test_json_for_programs():
    found = json.loads(CliRunner().invoke(app, ["models", "--json"]).output)
    resnet = next(model for model in found if model["name"] == "resnet50")
    assert (resnet["parameters"], resnet["trainable_head"]) == (25_686_913, 2_099_201)
    assert resnet["weights"] == ["imagenet", "none", "file"]
    assert (resnet["image_size"], resnet["paper"]) == (224, "https://arxiv.org/abs/1512.03385")
    assert len(found) == 7


def test_nothing_heavy_is_loaded():
    code = (
        "import sys; from deployments.models import show_models; show_models(as_json=True);"
        "assert not {'keras', 'tensorflow', 'jax', 'prefect'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=60)
