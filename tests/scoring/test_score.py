"""Scoring with a real network."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from pcam_core.drift.settings import DriftSettings
from pcam_core.errors import InputError
from pcam_core.scoring.score import Scored, score_new
from pcam_core.scoring.served import served
from pcam_core.stages.final_predictions import predict_patches

LENIENT = DriftSettings(warn=1e6, stop=1e6, stop_unlike=1)


@pytest.fixture
def model(model_folder):
    with served(str(model_folder)) as ready:
        yield ready


def test_only_what_is_new_is_scored_and_like_the_test_was(model, patches, tmp_path, rows):
    out = tmp_path / "scores"
    (batch,) = score_new(model, str(patches), str(out), LENIENT, version=3).batches
    assert batch.manifest.model["version"] == 3
    assert batch.manifest.figures["patches"] == 12
    assert score_new(model, str(patches), str(out), LENIENT) == Scored()

    first = next(patches.iterdir())
    (patches / "deeper").mkdir()
    first.rename(patches / "deeper" / first.name)
    (again,) = score_new(model, str(patches), str(out), LENIENT).batches
    assert again.manifest.figures["patches"] == 1
    table = rows(out)
    assert not table.duplicated(["id", "sha256"]).any()
    assert f"deeper/{first.stem}" in set(table["id"])

    calibrated = model.description.calibrator.apply(table["probability"].to_numpy())
    assert np.allclose(table["calibrated_probability"], calibrated)
    decided = table[table["prediction"] != ""]
    assert (decided["prediction"].astype(int) == (decided["probability"] >= 0.5)).all()

    from pcam_core.patch_store import PatchStore, write_patch_store
    from pcam_core.patches import read_patch
    from pcam_core.progress import Meter

    ids = [name for name in table["id"] if "/" not in name and (patches / f"{name}.tif").exists()]
    write_patch_store(
        tmp_path / "store",
        ids,
        lambda shards: iter(
            [np.stack([read_patch(patches / f"{i}.tif") for i in names]) for names in shards]
        ),
        meter=Meter("", len(ids)),
        workers=None,
    )
    expected = predict_patches(model.path, 4, PatchStore(tmp_path / "store"), ids)
    found = table.set_index("id").loc[ids, "probability"]
    assert np.allclose(found, expected, atol=1e-6)


def test_what_is_no_patch_is_listed_and_the_rest_scored(model, patches, tmp_path, rows, odd_tiffs):
    for name in ("64x64", "truncated", "RGBA"):
        (patches / f"odd {name}.tif").write_bytes(odd_tiffs[name])
    (patches / "notes.txt").write_text("no image")
    (patches / "train_labels.csv").write_text("id,label\n")
    some = next(patches.glob("*.tif"))
    (patches / "deeper").mkdir()
    (patches / "deeper" / some.name).write_bytes(some.read_bytes())
    score_new(model, str(patches), str(tmp_path / "scores"), LENIENT)
    table = rows(tmp_path / "scores").set_index("id")
    assert len(table) == 16
    assert table.loc[f"deeper/{some.stem}", "probability"] == pytest.approx(
        table.loc[some.stem, "probability"], abs=1e-6
    )
    odd = table[table["flags"].str.startswith("rejected")]
    assert odd.loc["odd 64x64", "flags"] == "rejected: 64x64 pixels, not 96x96"
    assert set(odd["prediction"]) == {""}
    assert odd["probability"].isna().all()
    # They are no news tomorrow.
    assert score_new(model, str(patches), str(tmp_path / "scores"), LENIENT) == Scored()


def test_files_that_are_all_no_patches_are_published_with_the_reason(
    model, tmp_path, rows, odd_tiffs
):
    (tmp_path / "in").mkdir()
    for name in ("64x64", "truncated"):
        (tmp_path / "in" / f"{name}.tif").write_bytes(odd_tiffs[name])
    out = tmp_path / "scores"
    (batch,) = score_new(model, str(tmp_path / "in"), str(out), DriftSettings()).batches
    assert batch.manifest.figures["rejected"] == batch.manifest.figures["patches"] == 2
    table = rows(out)
    assert table["flags"].str.startswith("rejected: ").all()
    assert table["probability"].isna().all()
    assert score_new(model, str(tmp_path / "in"), str(out), DriftSettings()) == Scored()


def test_files_that_can_all_not_be_read_are_told_and_looked_at_again(model, tmp_path, caplog):
    (tmp_path / "in").mkdir()
    for name in ("gone.tif", "lost.tif"):
        (tmp_path / "in" / name).symlink_to(tmp_path / "nowhere")
    for _ in range(2):
        caplog.clear()
        scored = score_new(model, str(tmp_path / "in"), str(tmp_path / "scores"), LENIENT)
        assert scored == Scored(unread=2)
        assert "gone.tif (No such file or directory)" in caplog.text
    assert not (tmp_path / "scores").exists()


def test_a_model_without_numbers_is_named(model, patches, tmp_path, monkeypatch):
    from pcam_core.drift.features import FeatureTap

    monkeypatch.setattr(FeatureTap, "look", lambda *_: (np.full(64, np.nan), np.zeros((64, 9))))
    with pytest.raises(InputError, match="The model x gives probabilities that are no") as error:
        score_new(model, str(patches), str(tmp_path / "scores"), LENIENT)
    assert "another one" in error.value.remedy


def test_the_model_abstains_from_what_it_has_never_seen(model, patches, tmp_path, rows):
    for name, level in (("black", 0), ("blue", (0, 0, 255))):
        Image.new("RGB", (96, 96), level).save(patches / f"{name}.png")
    (batch,) = score_new(model, str(patches), str(tmp_path / "scores"), LENIENT).batches
    table = rows(tmp_path / "scores").set_index("id")
    assert table.loc["black", "flags"].startswith("abstained: ")
    assert list(table.loc[["black", "blue"], "prediction"]) == ["", ""]
    abstained = table["flags"].str.startswith("abstained").sum()
    assert 2 <= abstained == batch.manifest.figures["abstained"] < 6


def test_too_much_drift_publishes_nothing_and_says_where_to_look(model, patches, tmp_path, rows):
    out = tmp_path / "scores"
    score_new(model, str(patches), str(out), LENIENT)
    before = rows(out)
    for file in list(patches.iterdir()):
        for shade in (2, 3, 4):
            pixels = np.asarray(Image.open(file)) // shade
            Image.fromarray(pixels).save(patches / f"dark {shade} {file.stem}.tif")
    with pytest.raises(InputError, match="too unlike the training patches") as error:
        score_new(model, str(patches), str(out), DriftSettings())
    (page,) = out.glob("stopped/*/drift.html")
    assert str(page) in error.value.remedy
    assert "nothing was published" in page.read_text()
    pd.testing.assert_frame_equal(rows(out), before)


def test_a_bucket_is_scored_into_a_bucket(model, patches, aws_environment):
    import boto3

    client = boto3.client("s3")
    client.create_bucket(Bucket="scoring")
    for file in patches.iterdir():
        client.upload_file(str(file), "scoring", f"in/{file.name}")
    (batch,) = score_new(model, "s3://scoring/in", "s3://scoring/out", LENIENT).batches
    assert batch.predictions.startswith("s3://scoring/out/batches/")
    assert score_new(model, "s3://scoring/in", "s3://scoring/out", LENIENT) == Scored()
    extra = Image.new("RGB", (96, 96), (200, 150, 190))
    extra.save(patches / "extra.tif")
    client.upload_file(str(patches / "extra.tif"), "scoring", "in/extra.tif")
    (more,) = score_new(model, "s3://scoring/in", "s3://scoring/out", LENIENT).batches
    assert (more.manifest.number, more.manifest.figures["patches"]) == (2, 1)


def test_a_model_in_a_bucket_is_served(model_folder, aws_environment):
    import boto3

    client = boto3.client("s3")
    client.create_bucket(Bucket="models")
    for file in model_folder.iterdir():
        client.upload_file(str(file), "models", f"run/{file.name}")
    with served("s3://models/run/model.keras") as ready:
        assert ready.description.views == 4
    with (
        pytest.raises(InputError, match="another file than was registered, or than it was when"),
        served("s3://models/run/model.keras", "0" * 64),
    ):
        pass
    client.delete_object(Bucket="models", Key="run/model.npz")
    with (
        pytest.raises(InputError, match=r"what s3://models/run/model\.keras was trained on"),
        served("s3://models/run"),
    ):
        pass
    with (
        pytest.raises(InputError, match="There is no model s3://models/other/model"),
        served("s3://models/other"),
    ):
        pass
