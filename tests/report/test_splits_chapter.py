from functools import partial

import numpy as np
import pandas as pd
import pytest

from pcam_core.artifact import Artifact, seal
from pcam_core.report.splits_chapter import parts
from pcam_core.stages.split import SplitSettings, split

SLIDES, OF_A_SLIDE = 24, 5


@pytest.fixture
def chapter(tmp_path):
    """The chapter's blocks by kind, on patches of known slides, some of which share pixels."""

    def made(name, fill):
        workshop = tmp_path / f"{name}.building"
        workshop.mkdir()
        artifact = Artifact(stage=name, key=name, path=tmp_path / name)
        seal(workshop, artifact, fill(workshop) or {}, 0)
        return artifact

    number = np.arange(SLIDES * OF_A_SLIDE)
    table = pd.DataFrame({"id": [f"p{n}" for n in number], "label": number % 2})
    table["slide"] = [f"s{n // OF_A_SLIDE}" for n in number]

    def groups(folder, pairs):
        named = table[["id"]].assign(group=table["slide"])
        named.to_csv(folder / "groups.csv", index=False)
        columns = ["first", "second", "dy", "dx", "shared_pixels"]
        pd.DataFrame(columns=columns).to_csv(folder / "examples.csv", index=False)
        found = pd.DataFrame([(f"p{a}", f"p{b}") for a, b in pairs], columns=columns[:2])
        found.to_csv(folder / "pairs.csv", index=False)
        np.savez(folder / "examples.npz", patches=np.zeros((0, 2, 96, 96, 3), np.uint8))
        return {"source": "the map", "detected": False, "groups": SLIDES, "largest": OF_A_SLIDE,
                "pairs": len(pairs)}  # fmt: skip

    def write(pairs=(), form="single"):
        published = table.assign(published="")
        labels = made("labels", lambda f: published.to_csv(f / "train.csv", index=False))
        of = made("groups", partial(groups, pairs=pairs))
        settings = SplitSettings(
            test_fraction=0.25, validation_fraction=0.25, calibration_fraction=0.25, tune_fraction=1
        )
        splits = split.build(tmp_path / "splits", labels=labels, groups=of, settings=settings)
        model = made("model", lambda _: {"form": form})
        blocks = {}
        for block in parts(of, splits, model).blocks:
            blocks.setdefault(block.kind, []).append(block)
        return blocks

    return write


def test_a_split_that_keeps_places_together_says_so(chapter):
    (note,) = chapter()["note"]
    assert (note.tone, note.text) == (
        "good",
        "No patch of the test part shares pixels with one outside it.",
    )


def test_overlaps_on_one_slide_are_no_leak(chapter):
    (note,) = chapter([(n, n + 1) for n in range(0, SLIDES * OF_A_SLIDE, OF_A_SLIDE)])["note"]
    assert note.tone == "good"


def test_a_planted_leak_is_told(chapter):
    """Every slide overlaps with every other, so that every tested patch has trained."""
    patches = range(SLIDES * OF_A_SLIDE)
    (note,) = chapter([(a, b) for a in patches for b in patches if a < b])["note"]
    assert note.tone == "bad"
    assert note.text.startswith("Leak: 30 of the test part's patches (100.0%) share pixels")


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
