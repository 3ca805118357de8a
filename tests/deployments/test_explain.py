import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from deployments.cli import app
from pcam_core.atomic import sha256_of
from pcam_core.decision.calibration import Calibrator
from pcam_core.model_card.description import Metrics, ModelDescription, PixelContract


def pcam(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Make a model file whose stored patches have a side."""
    import keras

    from pcam_core.models.registry import build_network
    from pcam_core.models.settings import NetworkSettings
    from pcam_core.training.serving import save_model, serving_model

    def make(side):
        keras.utils.set_random_seed(3)
        settings = NetworkSettings(image_size=32, weights="none", precision="float32")
        path = tmp_path_factory.mktemp("model") / "model.keras"
        save_model(serving_model(build_network("centre_cnn", settings), side), path)
        return path

    return make


@pytest.fixture(scope="module")
def patches(tmp_path_factory):
    folder = tmp_path_factory.mktemp("patches")
    pixels = np.random.default_rng(0).integers(0, 256, (5, 96, 96, 3), dtype=np.uint8)
    for number, patch in enumerate(pixels):
        suffix = "png" if number % 2 else "tif"
        Image.fromarray(patch).save(folder / f"p{number}.{suffix}")
    return folder


def describe(path, **pixels):
    """Write a model's description, of which only the pixels count here."""
    others = {"input_range": (0, 255), "precision": "float32", "store_size": None}
    named = dict.fromkeys(("name", "architecture", "package", "data_key", "split_key"), "x")
    noted = {name: {} for name in ("hyperparameters", "recipe", "code", "versions")}
    description = ModelDescription(
        **named,
        **noted,
        parameters=1,
        hold_out=None,
        sha256=sha256_of(path),
        pixels=PixelContract(**others, **pixels),
        threshold=0.5,
        calibrator=Calibrator(method="none"),
        metrics=Metrics(patches=0, groups=0, at_half={}, at_threshold={}),
    )
    path.with_suffix(".json").write_text(description.model_dump_json())


def test_a_page_and_a_table_are_written(model, patches, tmp_path):
    path, out = model(96), tmp_path / "why"
    done = pcam("explain", "--model", path, "--out", out, "--input", patches)
    assert done.exit_code == 0, done.output
    table = pd.read_csv(out / "explanation.csv")
    assert list(table["id"]) == ["p0", "p1", "p2", "p3", "p4"]
    assert table["centre_share_integrated_gradients"].between(0, 1).all()

    from pcam_core.training.serving import load_model

    raw = np.stack([np.asarray(Image.open(file)) for file in table["file"]])
    expected = np.asarray(load_model(path).predict_on_batch(raw.astype(np.float32)))[:, 0]
    np.testing.assert_allclose(table["probability"], expected, atol=1e-5)
    page = (out / "explanation.html").read_text()
    assert "What speaks for tumour in 5 patches" in page
    assert "every patch is in explanation.csv" in page
    assert "://" not in page


def test_files_can_follow_the_option(model, patches, tmp_path):
    files = sorted(patches.iterdir())
    done = pcam("explain", "--model", model(96), "--out", tmp_path, "--input", *files[:3])
    assert done.exit_code == 0, done.output
    assert list(pd.read_csv(tmp_path / "explanation.csv")["id"]) == ["p0", "p1", "p2"]


def test_a_model_of_enlarged_patches_needs_to_know_how(model, patches, tmp_path):
    path, file = model(128), patches / "p0.tif"
    asked = ("explain", "--model", path, "--out", tmp_path, "--input", file)
    done = pcam(*asked)
    assert done.exit_code == 2
    assert "takes patches of 128x128 pixels" in done.output
    assert "model.json" in done.output

    describe(path, region=32, upscaler="lanczos", stored_side=128)
    done = pcam(*asked)
    assert done.exit_code == 0, done.output
    crop = Image.open(file).crop((32, 32, 64, 64)).resize((128, 128), Image.Resampling.LANCZOS)

    from pcam_core.training.serving import load_model

    stored = np.asarray(crop, np.float32)[None]
    expected = float(np.asarray(load_model(path).predict_on_batch(stored))[0, 0])
    table = pd.read_csv(tmp_path / "explanation.csv")
    assert table["probability"][0] == pytest.approx(expected, abs=1e-5)

    describe(path, region=96, upscaler="none", stored_side=96)
    assert "Prepared patches are 96 pixels wide" in pcam(*asked).output
    path.with_suffix(".json").write_text("{}")
    assert "describes no model" in pcam(*asked).output


def test_a_run_names_its_model_and_its_preparation(model, patches, tmp_path):
    from pcam_core.artifact import Artifact
    from pcam_core.runs.history import RunHistory
    from pcam_core.runs.record import new_record

    path = model(128)
    record = new_record("demo", "data", {}, None).model_copy(
        update={
            "settings": {
                "prepare": {"region": 32, "upscaler": "lanczos"},
                "final": {"views": 4},
            },
            "artifacts": (Artifact(stage="final", key="f", path=path.parent),),
        }
    )
    RunHistory(tmp_path).write(record)
    asked = ("--runs", tmp_path, "--out", tmp_path / "why", "--input", patches / "p0.tif")
    done = pcam("explain", "--model", "latest", *asked)
    assert done.exit_code == 0, done.output
    assert (tmp_path / "why" / "explanation.html").exists()

    from pcam_core.training.serving import load_model

    crop = Image.open(patches / "p0.tif").crop((32, 32, 64, 64))
    stored = np.asarray(crop.resize((128, 128), Image.Resampling.LANCZOS), np.float32)
    turned = np.stack([np.rot90(stored, turns) for turns in range(4)])
    expected = float(np.asarray(load_model(path).predict_on_batch(turned)).mean())
    table = pd.read_csv(tmp_path / "why" / "explanation.csv")
    assert table["probability"][0] == pytest.approx(expected, abs=1e-5)
    path.unlink()
    assert "has no model" in pcam("explain", "--model", "latest", *asked).output


def test_wrong_input_is_named(patches, tmp_path):
    (tmp_path / "empty").mkdir()
    Image.new("RGB", (50, 50)).save(tmp_path / "small.png")
    Image.new("L", (96, 96)).save(tmp_path / "grey.png")
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "m.keras").write_text("no model")
    wrong = [tmp_path / name for name in ("small.png", "grey.png", "text.png")]
    for given, told in (
        (wrong, ["50x50 pixels", "grey-scale", "not a PNG image", "3 of 3 files"]),
        ([tmp_path / "empty"], ["There is no image"]),
        ([tmp_path / "nowhere"], ["does not exist"]),
        ([patches / "p0.tif"], ["m.keras cannot be loaded"]),
    ):
        done = pcam(
            "explain", "--model", tmp_path / "m.keras", "--out", tmp_path, "--input", *given
        )
        assert done.exit_code == 2, done.output
        assert all(words in done.output for words in told), done.output
    done = pcam("explain", "--model", "x.keras", "--out", tmp_path, "--input", patches)
    assert "There is no model x.keras" in done.output
