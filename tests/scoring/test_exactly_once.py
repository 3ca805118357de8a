"""Killed at any moment, and repeated; no network is needed for that."""

import random
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from pcam_core.drift.gaussian import Gaussian
from pcam_core.drift.neighbours import fit_neighbours
from pcam_core.drift.reference import MEASURES, summarise
from pcam_core.drift.settings import DriftSettings
from pcam_core.errors import InputError
from pcam_core.scoring import score
from pcam_core.scoring.ledger import Ledger

SETTINGS = DriftSettings(warn=1e6, stop=1e6, stop_unlike=1)


class Scorer:
    """Gives every patch the same numbers."""

    def __init__(self, model, folder):
        pass

    def table(self, patches, _):
        rows = [(each.id, each.sha256, each.etag) for each in patches]
        table = pd.DataFrame(rows, columns=["id", "sha256", "etag"])
        return table.assign(**dict.fromkeys(MEASURES, 0.5), unlike="", prediction="1", flags="")


def model():
    gaussian = Gaussian(np.zeros(2), np.zeros((1, 2)), np.ones(1), 1.0)
    values = dict.fromkeys(MEASURES, np.linspace(0, 1, 50))
    reference = summarise("x", values, fit_neighbours(np.ones((2, 2))), gaussian)
    return SimpleNamespace(reference=reference, description=SimpleNamespace(name="x", sha256="x"))


def run(patches, out):
    score._Scorer, score.BATCH = Scorer, 8
    return list(score.score_new(model(), str(patches), str(out), SETTINGS).batches)


@pytest.fixture(autouse=True)
def scorer(monkeypatch):
    monkeypatch.setattr(score, "_Scorer", Scorer)
    monkeypatch.setattr(score, "BATCH", 8)


KILLED = """
import importlib.util, os, signal, sys
spec = importlib.util.spec_from_file_location("exactly_once", sys.argv[1])
test = importlib.util.module_from_spec(spec)
spec.loader.exec_module(test)
put, count = test.Ledger._put, 0
def dying(self, key, content):
    global count
    count += 1
    if count == int(sys.argv[4]) and sys.argv[5] == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    found = put(self, key, content)
    if count == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)
    return found
test.Ledger._put = dying
test.run(sys.argv[2], sys.argv[3])
"""


def killed(patches, out, write, when):
    """Score in a process that SIGKILLs itself at the nth file that it publishes."""
    arguments = [__file__, str(patches), str(out), str(write), when]
    done = subprocess.run([sys.executable, "-c", KILLED, *arguments], check=False)
    assert done.returncode == -signal.SIGKILL


# A batch is four writes; the manifest is the last.
@pytest.mark.parametrize(("write", "when"), [(4, "before"), (4, "after")])
def test_a_killed_run_is_repeated(patches, tmp_path, rows, write, when):
    out = tmp_path / "scores"
    killed(patches, out, write, when)
    finished = 8 if (write, when) == (4, "after") else 0
    assert len(list(out.glob("manifests/*.json"))) == finished // 8
    batches = run(patches, out)
    assert sum(batch.manifest.figures["patches"] for batch in batches) == 12 - finished
    table = rows(out)
    assert sorted(table["id"]) == sorted(file.stem for file in patches.iterdir())
    assert run(patches, out) == []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_at_every_write_it_goes_on(patches, tmp_path, rows):
    out = tmp_path / "scores"
    # Of the eight writes of two batches a repeated run still has those that were not finished.
    for write in (1, 2, 3, 4):
        killed(patches, out, write, "before")
        assert not list(out.glob("manifests/*.json"))
    killed(patches, out, 4, "after")
    for write in (1, 2, 3):
        killed(patches, out, write, "after")
        assert len(list(out.glob("manifests/*.json"))) == 1
    run(patches, out)
    assert sorted(rows(out)["id"]) == sorted(file.stem for file in patches.iterdir())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_two_runs_at_once_killed_at_random_score_each_patch_once(generated, tmp_path, rows):
    seed = int(time.time())
    print("seed", seed)
    rng, out = random.Random(seed), tmp_path / "scores"
    arguments = [__file__, str(generated), str(out), "0", ""]
    killed = 0
    while True:
        two = [subprocess.Popen([sys.executable, "-c", KILLED, *arguments]) for _ in range(2)]
        if killed < 4:
            first = len(list(out.glob("manifests/*.json")))
            while len(list(out.glob("manifests/*.json"))) == first and two[0].poll() is None:
                time.sleep(0.01)
            time.sleep(rng.uniform(0, 0.5))
            for each in two:
                each.kill()
        ends = [each.wait() for each in two]
        if set(ends) == {0}:
            break
        assert set(ends) <= {0, -signal.SIGKILL}
        killed += 1
    table = rows(out)
    wanted = [str(path.relative_to(generated).with_suffix("")) for path in generated.rglob("*.tif")]
    assert sorted(table["id"]) == sorted(wanted)


def test_of_two_runs_each_patch_is_published_by_one(patches, tmp_path, rows, monkeypatch):
    out = tmp_path / "scores"
    commit, others = Ledger.commit, []

    def overtaken(self, manifest):
        if not others:
            others.append(True)
            run(patches, out)  # another run, between our look and our commit
        return commit(self, manifest)

    monkeypatch.setattr(Ledger, "commit", overtaken)
    (patches / "late.tif").write_bytes(b"late")
    run(patches, out)
    table = rows(out)
    assert len(table) == 13
    assert table["id"].is_unique


def test_what_is_known_is_not_even_read(patches, tmp_path, monkeypatch):
    run(patches, tmp_path / "scores")
    monkeypatch.setattr("pcam_core.scoring.incoming._read", None)
    assert run(patches, tmp_path / "scores") == []


def test_a_copy_of_what_is_known_is_not_scored_again(patches, tmp_path):
    run(patches, tmp_path / "scores")
    shutil.copytree(patches, tmp_path / "copy")
    assert run(tmp_path / "copy", tmp_path / "scores") == []


def test_a_folder_without_patches_is_told(tmp_path, caplog):
    (tmp_path / "incoming").mkdir()
    (tmp_path / "incoming" / "train_labels.csv").write_text("id,label\n")
    assert run(tmp_path / "incoming", tmp_path / "scores") == []
    assert "There is no file that ends in .tif or .tiff or .png" in caplog.text


def test_changed_content_is_another_patch(patches, tmp_path, rows):
    run(patches, tmp_path / "scores")
    first, second = sorted(patches.iterdir())[:2]
    shutil.copystat(first, second)
    content = bytearray(first.read_bytes())
    content[-1] ^= 1
    first.write_bytes(content)
    run(patches, tmp_path / "scores")
    assert list(rows(tmp_path / "scores")["id"].value_counts()[:2]) == [2, 1]


def test_a_damaged_ledger_is_not_believed(patches, tmp_path):
    out = tmp_path / "scores"
    batch = run(patches, out)[0]
    place = out / batch.manifest.files["predictions.csv"].key
    whole = place.read_text()
    place.write_text(whole.replace("0.5", "0.6", 1))
    with pytest.raises(InputError, match=r"000001\.json, or the predictions\.csv .* is damaged"):
        run(patches, out)
    place.write_text(whole)
    manifest = out / "manifests" / "000001.json"
    manifest.write_text(manifest.read_text()[:50])
    with pytest.raises(InputError, match="scored twice"):
        run(patches, out)


def test_a_stopped_batch_keeps_no_other_from_being_scored(patches, tmp_path, rows, monkeypatch):
    class Drifting(Scorer):
        def table(self, patches, meter):
            table = super().table(patches, meter)
            unlike = np.where(table["id"].str.startswith("!"), "appearance", "")
            return table.assign(unlike=unlike, flags=unlike)

    for number in range(40):
        (patches / f"!{number:02}.tif").write_bytes(bytes([number]))
    monkeypatch.setattr(score, "_Scorer", Drifting)
    monkeypatch.setattr(score, "BATCH", 20)
    settings = SETTINGS.model_copy(update={"stop_unlike": 0.9})
    near = [file.stem for file in patches.iterdir() if not file.stem.startswith("!")]
    out = tmp_path / "scores"
    # Names that sort before the others: the batches are 20 far, 20 far and 12 near.
    with pytest.raises(InputError, match="Nothing of 40 new patches at") as error:
        score.score_new(model(), str(patches), str(out), settings)
    assert "!00 to !19: 20 of 20 patches are unlike" in error.value.problem
    assert "!20 to !39: 20 of 20 patches are unlike" in error.value.problem
    assert "12 others were published" in error.value.problem
    pages = list(out.glob("stopped/*/drift.html"))
    assert len(pages) == 2
    assert all(str(page) in error.value.remedy for page in pages)
    assert sorted(rows(out)["id"]) == sorted(near)


def test_wrong_places_are_named(tmp_path, patches):
    with pytest.raises(InputError, match=r"There is no folder .*absent"):
        run(tmp_path / "absent", tmp_path / "scores")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty holds nothing\. Correct the address"):
        run(tmp_path / "empty", tmp_path / "scores")
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        run(patches, tmp_path / "file" / "below")
