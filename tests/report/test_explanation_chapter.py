import copy

import numpy as np
import pandas as pd
import pytest

from pcam_core.artifact import Artifact, seal
from pcam_core.report.explanation_chapter import explained
from pcam_core.stages.explanation import KINDS

METHODS = ("grad_cam", "integrated_gradients")
SHARE = {"mean": 0.25, "interval": [0.2, 0.3], "count": 40}
NOTHING = {"mean": None, "interval": None, "count": 0}
FIGURES = {
    "patches": 50, "groups": 7, "region": 96, "uniform": 1 / 9, "layers": ["last"],
    "map_sides": [4], "completeness_error": 0.03, "centre_pooled": [],
    "shares": {method: {"all": SHARE, "0": SHARE, "1": SHARE} for method in METHODS},
    "untrained": {
        "patches": 16, "draws": 3,
        **{m: {"share": SHARE, "correlation": SHARE | {"mean": 0.1}} for m in METHODS},
    },
}  # fmt: skip


@pytest.fixture
def chapter(tmp_path):
    """The chapter's blocks by kind."""

    def write(figures=FIGURES, kinds=KINDS):
        folder = tmp_path / "building"
        folder.mkdir()
        table = pd.DataFrame({"id": list("abcd")[: len(kinds)], "label": 1, "group": "g"})
        table = table.assign(probability=0.5, kind=kinds, shown=True)
        table.to_csv(folder / "explained.csv", index=False)
        maps = np.random.default_rng(0).normal(size=(len(kinds), 16, 16)).astype(np.float32)
        pixels = np.full((len(kinds), 16, 16, 3), 200, np.uint8)
        arrays = {"grad_cam": abs(maps), "integrated_gradients": maps}
        np.savez(folder / "gallery.npz", pixels=pixels, **arrays)
        artifact = Artifact(stage="explanation", key="e", path=tmp_path / "explanation")
        seal(folder, artifact, figures, 1.0)
        blocks = {}
        for block in explained(artifact).blocks:
            blocks.setdefault(block.kind, []).append(block)
        return blocks

    return write


def changed(path, value):
    figures = copy.deepcopy(FIGURES)
    *inner, last = path
    part = figures
    for name in inner:
        part = part[name]
    part[last] = value
    return figures


def test_every_kind_has_a_picture_and_the_share_another(chapter):
    blocks = chapter()
    titles = [picture.title for row in blocks["row"] for picture in row.pictures]
    assert titles == [
        "How much of the attribution lies in the centre",
        "True positives",
        "False positives",
        "False negatives",
        "True negatives",
    ]
    assert "25.0% of Grad-CAM (95 % 20.0% to 30.0%)" in blocks["text"][1].text
    assert "would have 11.1% there" in blocks["text"][1].text
    assert blocks["note"][0].tone == "good"


def test_a_map_that_random_weights_do_not_change_is_warned_of(chapter):
    alike = ("untrained", "integrated_gradients", "correlation", "mean")
    (note,) = chapter(changed(alike, 0.7))["note"]
    assert note.tone == "warn"
    assert "Do not trust Integrated gradients here" in note.text


def test_where_only_the_centre_is_seen_its_share_is_not_told(chapter):
    blocks = chapter(changed(("region",), 32))
    assert "tells nothing" in blocks["text"][1].text
    assert "table" not in blocks
    assert len(blocks["row"]) == 1


def test_a_kind_without_patches_is_left_out(chapter):
    (_, gallery) = chapter(kinds=("true positive", "true negative"))["row"]
    assert [picture.title for picture in gallery.pictures] == ["True positives", "True negatives"]


def test_empty_maps_are_told(chapter):
    (table,) = chapter(changed(("shares", "grad_cam", "1"), NOTHING))["table"]
    assert ("Grad-CAM", "tumour", "none", "none", "0") in table.rows


def test_what_grad_cam_understates_is_told(chapter):
    told = chapter(changed(("centre_pooled",), ["x"]))["text"][1].text
    assert "Grad-CAM understates the share of x" in told


def test_other_networks_are_not_told_so(chapter):
    assert "understates" not in chapter()["text"][1].text


def test_the_same_layer_of_several_models_is_named_once(chapter):
    many = FIGURES | {"layers": ["last"] * 4, "map_sides": [6] * 4}
    assert "knows 6x6 places, those of last, and" in chapter(many)["text"][0].text


def test_attribution_beside_the_centre_is_suspicious(chapter):
    little = {"mean": 0.02, "interval": [0.01, 0.05], "count": 40}
    blocks = chapter(changed(("shares", "integrated_gradients", "all"), little))
    assert blocks["note"][1].tone == "warn"
    assert "Suspicious: only 2.0% of the attribution lies in the centre" in blocks["note"][1].text
