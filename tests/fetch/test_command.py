"""`pcam fetch` as a stranger gives it."""

import gzip

import pytest
from typer.testing import CliRunner

from deployments.cli import app
from pcam_core.fetch import kaggle, pcam, weights
from pcam_core.superres import hub_download


def fetch(*arguments):
    return CliRunner().invoke(app, ["fetch", *map(str, arguments)])


@pytest.fixture
def small_pcam(server, monkeypatch):
    known = []
    for name, _, _ in pcam._FILES:
        file = server.remote(f"camelyonpatch_level_2_split_{name}", gzip.compress(name.encode()))
        known.append((name, file.checksum, file.size))
    monkeypatch.setattr(pcam, "_FILES", known)
    monkeypatch.setattr(pcam, "_ADDRESS", server.address)


def test_help_teaches():
    done = fetch("--help")
    assert done.exit_code == 0
    assert "kaggle" in done.output
    assert "goes on where it stopped" in " ".join(done.output.split())


@pytest.mark.parametrize("arguments", [[], ["--source", "pcam"], ["--source", "imagenet"]])
def test_source_and_place_are_needed(tmp_path, arguments):
    done = fetch(*arguments, *(["--out", tmp_path] if "imagenet" in arguments else []))
    assert done.exit_code == 2
    assert "Traceback" not in done.output


def test_pcam(server, small_pcam, tmp_path):
    for _ in range(2):
        done = fetch("--source", "pcam", "--out", tmp_path / "pcam")
        assert done.exit_code == 0, done.output
        assert "9 files" in done.output
        assert "CC0" in done.output
        assert f"pcam train --recipe context --data {tmp_path / 'pcam'}" in done.output
    assert len(server.asked) == 9


def test_pcam_that_is_wrong_ends_with_two_and_no_file(server, small_pcam, answer, tmp_path):
    server.usual = answer(body=b"<html>")
    done = fetch("--source", "pcam", "--out", tmp_path)
    assert done.exit_code == 2
    assert "Error: http://127.0.0.1" in done.output
    assert "Traceback" not in done.output
    assert not list(tmp_path.glob("*.gz"))


def test_kaggle_without_credentials(tmp_path, monkeypatch):
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    monkeypatch.setattr(kaggle, "_SPACE", 1)
    done = fetch("--source", "kaggle", "--out", tmp_path / "data")
    assert done.exit_code == 2
    assert "KAGGLE_API_TOKEN" in done.output


def test_weights_say_their_licences_and_what_to_set(server, monkeypatch, tmp_path):
    files = [server.remote(file.name, b"weights") for file in weights.IMAGENET]
    monkeypatch.setattr(weights, "IMAGENET", files)
    folder = tmp_path / "tfhub" / hub_download._FOLDER
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"graph")
    done = fetch("--source", "weights", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    lines = done.output.splitlines()
    assert f"export KERAS_HOME={tmp_path / 'keras'}" in lines
    assert f"export TFHUB_CACHE_DIR={tmp_path / 'tfhub'}" in lines
    assert all(f"  {name}: " in done.output for name in ("ESRGAN", "ResNet50", "EfficientNetB0"))
    assert "MIT" in done.output
