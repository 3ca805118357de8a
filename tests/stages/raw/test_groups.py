import numpy as np
import pytest
from PIL import Image

from pcam_core.artifact import Artifact
from pcam_core.stages.groups import groups, read_examples, read_groups, read_pairs
from pcam_core.stages.labels import labels


@pytest.fixture
def grouped(tmp_path):
    def run(data, quarantined=()):
        rows = "".join(f"{patch_id},train,bad\n" for patch_id in quarantined)
        (tmp_path / "quarantine.csv").write_text(f"id,part,reason\n{rows}")
        gate = Artifact(stage="gate", key="gate", path=tmp_path)
        return groups.build(
            tmp_path, data=data, labels=labels.build(tmp_path, data=data), gate=gate
        )

    return run


def by_id(artifact):
    return read_groups(artifact).set_index("id")["group"].to_dict()


@pytest.fixture
def overlapping(kaggle_folder):
    """Six patches of noise, of which p1 and p4 show the same place, 16 pixels apart."""

    def write(**tables):
        data = kaggle_folder(**tables)
        place = np.random.default_rng(7).integers(0, 256, (96, 112, 3), dtype=np.uint8)
        Image.fromarray(place[:, :96]).save(data.file("train/p1.tif"))
        Image.fromarray(place[:, 16:]).save(data.file("train/p4.tif"))
        return data

    return write


def test_slides_are_the_groups_where_all_are_known(overlapping, grouped):
    artifact = grouped(overlapping(slides={f"p{n}": n // 3 for n in range(6)}))
    assert by_id(artifact) == {f"p{n}": str(n // 3) for n in range(6)}
    figures = artifact.figures
    assert (figures["source"], figures["detected"]) == ("patch_id_wsi_full.csv", False)
    assert (figures["groups"], figures["largest"], figures["pairs"]) == (2, 3, 1)
    # They tell that the map of slides is wrong.
    (pair,) = read_pairs(artifact).to_dict("records")
    assert (pair["first"], pair["second"], pair["dx"]) == ("p1", "p4", 16)


def test_overlap_groups_where_no_slide_is_known(overlapping, grouped):
    artifact = grouped(overlapping())
    assert by_id(artifact) == {f"p{n}": f"p{n}" for n in range(6)} | {"p4": "p1"}
    figures = artifact.figures
    assert (figures["source"], figures["detected"]) == ("detected overlap", True)
    assert (figures["groups"], figures["sharing"], figures["pairs"]) == (5, 2, 1)
    rows, patches = read_examples(artifact)
    (pair,), ((first, second),) = rows.to_dict("records"), patches
    assert (pair["first"], pair["second"], pair["dx"]) == ("p1", "p4", 16)
    np.testing.assert_array_equal(first[:, 16:], second[:, :-16])


def test_a_map_of_some_slides_is_joined_with_overlap(overlapping, grouped):
    artifact = grouped(overlapping(slides={"p4": "a", "p5": "a", "p0": "b"}))
    assert by_id(artifact) == {
        "p0": "p0", "p1": "p1", "p2": "p2", "p3": "p3", "p4": "p1", "p5": "p1",
    }  # fmt: skip
    assert artifact.figures["source"] == "patch_id_wsi_full.csv and detected overlap"


def test_quarantined_patches_have_no_group(overlapping, grouped):
    artifact = grouped(overlapping(), quarantined=["p4"])
    assert sorted(by_id(artifact)) == ["p0", "p1", "p2", "p3", "p5"]
    assert artifact.figures["pairs"] == 0
