import json
import shutil

import pytest

from pcam_core.artifact import Artifact, seal


@pytest.fixture
def artifact(tmp_path):
    """A sealed artifact of three files, one of them empty."""
    folder = tmp_path / "workshop"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.csv").write_text("id\n1\n")
    (folder / "empty").write_text("")
    (folder / "sub" / "b.bin").write_bytes(bytes(range(256)))
    found = Artifact(stage="made", key="f00d", path=tmp_path / "out" / "made-f00d")
    seal(folder, found, {"auc": 0.5, "n": 2}, 1.23456)
    return found


def test_sealing_moves_the_folder_and_remembers(artifact, tmp_path):
    assert not (tmp_path / "workshop").exists()
    assert artifact.fault() is None
    assert artifact.figures == {"auc": 0.5, "n": 2}
    assert artifact.size == 5 + 256
    assert artifact.seconds == 1.235
    assert sorted(artifact.manifest["files"]) == ["a.csv", "empty", "sub/b.bin"]


def test_a_moved_artifact_is_still_sound(artifact, tmp_path):
    shutil.copytree(artifact.path, tmp_path / "copy")
    assert artifact.model_copy(update={"path": tmp_path / "copy"}).fault() is None


def flip(artifact):
    path = artifact.path / "sub" / "b.bin"
    path.write_bytes(bytes([1]) + path.read_bytes()[1:])


def lengthen(artifact):
    (artifact.path / "empty").write_text("x")


def remove(artifact):
    (artifact.path / "a.csv").unlink()


def remove_folder(artifact):
    shutil.rmtree(artifact.path / "sub")


def folder_to_file(artifact):
    shutil.rmtree(artifact.path / "sub")
    (artifact.path / "sub").write_text("")


def remove_manifest(artifact):
    (artifact.path / "manifest.json").unlink()


def truncate_manifest(artifact):
    path = artifact.path / "manifest.json"
    path.write_text(path.read_text()[:-20])


def replace_manifest(text):
    return lambda artifact: (artifact.path / "manifest.json").write_text(text)


def other_key(artifact):
    path = artifact.path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "key": "beef"}))


@pytest.mark.parametrize(
    ("harm", "named"),
    [
        (flip, "b.bin has changed"),
        (lengthen, "empty has changed"),
        (remove, "a.csv is missing"),
        (remove_folder, "b.bin is missing"),
        (folder_to_file, "b.bin"),
        (remove_manifest, "manifest.json is missing"),
        (truncate_manifest, "manifest.json cannot be read"),
        (replace_manifest(""), "manifest.json cannot be read"),
        (replace_manifest("[]"), "manifest.json cannot be read"),
        (replace_manifest("null"), "manifest.json cannot be read"),
        (replace_manifest("{}"), "manifest.json cannot be read"),
        (replace_manifest('{"key": "f00d", "files": [1]}'), "manifest.json cannot be read"),
        (other_key, "manifest.json has changed"),
    ],
)
def test_harm_is_noticed_and_named(artifact, harm, named):
    harm(artifact)
    assert named in str(artifact.fault())


def test_another_key_at_this_place_is_no_artifact(artifact):
    assert "another key" in artifact.model_copy(update={"key": "beef"}).fault()


def test_every_flipped_bit_of_the_manifest_is_noticed(artifact):
    path = artifact.path / "manifest.json"
    sound = path.read_bytes()
    for position in range(len(sound)):
        damaged = bytearray(sound)
        damaged[position] ^= 1 << position % 8
        path.write_bytes(damaged)
        assert artifact.fault(), position
    path.write_bytes(sound)
    assert artifact.fault() is None


def test_figures_that_are_no_json_are_never_sealed(tmp_path):
    (tmp_path / "workshop").mkdir()
    found = Artifact(stage="made", key="f00d", path=tmp_path / "made")
    with pytest.raises(ValueError, match="JSON"):
        seal(tmp_path / "workshop", found, {"loss": float("nan")}, 1)
    assert not found.path.exists()
