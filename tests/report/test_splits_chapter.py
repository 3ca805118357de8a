import numpy as np
import pandas as pd
import pytest

from pcam_core.artifact import Artifact, seal
from pcam_core.report.splits_chapter import parts
from pcam_core.stages.split import SplitSettings, split

SLIDES, OF_A_SLIDE = 24, 5


@pytest.fixture
def chapter(tmp_path):
    """The chapter's blocks by kind, on patches of known slides whose pixels have some hashes."""

    def made(name, fill):
        workshop = tmp_path / f"{name}.building"
        workshop.mkdir()
        artifact = Artifact(stage=name, key=name, path=tmp_path / name)
        seal(workshop, artifact, fill(workshop) or {}, 0)
        return artifact

    number = np.arange(SLIDES * OF_A_SLIDE)
    table = pd.DataFrame({"id": [f"p{n}" for n in number], "label": number % 2})
    table["slide"] = [f"s{n // OF_A_SLIDE}" for n in number]

    def groups(folder):
        named = table[["id"]].assign(group=table["slide"])
        named.to_csv(folder / "groups.csv", index=False)
        pd.DataFrame(columns=["first", "second", "dy", "dx", "shared_pixels"]).to_csv(
            folder / "examples.csv", index=False
        )
        np.savez(folder / "examples.npz", patches=np.zeros((0, 2, 96, 96, 3), np.uint8))
        return {"source": "the map", "detected": False, "groups": SLIDES, "largest": OF_A_SLIDE}

    def write(hashes=range(SLIDES * OF_A_SLIDE), spread=5.0, form="single"):
        def gate(folder):
            seen = table[["id"]].assign(part="train", fault="", why="", hash=hashes, spread=spread)
            seen.to_csv(folder / "properties.csv", index=False)

        published = table.assign(published="")
        labels = made("labels", lambda f: published.to_csv(f / "train.csv", index=False))
        of = made("groups", groups)
        settings = SplitSettings(
            test_fraction=0.25, validation_fraction=0.25, calibration_fraction=0.25, tune_fraction=1
        )
        splits = split.build(tmp_path / "splits", labels=labels, groups=of, settings=settings)
        model = made("model", lambda _: {"form": form})
        blocks = {}
        for block in parts(of, splits, made("gate", gate), model).blocks:
            blocks.setdefault(block.kind, []).append(block)
        return blocks

    return write


def test_a_split_that_keeps_copies_together_says_so(chapter):
    (note,) = chapter()["note"]
    assert (note.tone, note.text) == (
        "good",
        "No patch of the test part has an exact copy outside it.",
    )


def test_copies_on_the_same_slide_are_no_leak(chapter):
    (note,) = chapter(np.arange(SLIDES * OF_A_SLIDE) // OF_A_SLIDE)["note"]
    assert note.tone == "good"


def test_a_planted_leak_is_told(chapter):
    """Every slide holds the same five patches, so that every tested one has trained."""
    (note,) = chapter(np.arange(SLIDES * OF_A_SLIDE) % OF_A_SLIDE)["note"]
    assert note.tone == "bad"
    assert note.text.startswith("Leak: 30 of the test part's patches (100.0%) have an exact copy")


def test_empty_glass_is_no_copy(chapter):
    (note,) = chapter(np.zeros(SLIDES * OF_A_SLIDE, int), spread=0.0)["note"]
    assert note.tone == "good"


def test_what_each_part_is_used_for(chapter):
    (table,) = chapter()["table"]
    assert {row[0]: row[-1] for row in table.rows}["validation"] == "stops its training"


def test_both_forms_make_two_uses_of_a_part(chapter):
    (table,) = chapter(form="both")["table"]
    used = {row[0]: row[-1] for row in table.rows}
    assert used["test"].startswith("held out")
    assert all("the models of the folds" in used[role] for role in set(used) - {"test"})


def test_folds_make_of_all_parts_but_the_test_the_same_use(chapter):
    (table,) = chapter(form="folds")["table"]
    used = {row[0]: row[-1] for row in table.rows}
    assert used["test"].startswith("held out")
    assert used["train"] == used["validation"] == used["calibration"]
