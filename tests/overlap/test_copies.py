import numpy as np
import pytest

from pcam_core.overlap import TRANSFORMS, transformed


@pytest.mark.parametrize("transform", TRANSFORMS)
def test_finds_copies_however_they_lie(scene, cut, overlaps_of, transform):
    pixels = cut(scene, 0, 0)
    found = overlaps_of({"a": transformed(pixels, transform), "b": pixels, "c": scene[-96:, -96:]})
    assert found.to_numpy().tolist() == [["a", "b", 0, 0, transform, 96 * 96]]


def test_the_eight_transforms_differ(scene):
    assert len({transformed(scene, transform).tobytes() for transform in TRANSFORMS}) == 8


def test_says_what_turns_the_second_into_the_first(scene, cut, overlaps_of):
    patches = {
        str(index): transformed(cut(scene, 0, 0), name) for index, name in enumerate(TRANSFORMS)
    }
    found = overlaps_of(patches)
    assert len(found) == 28
    for row in found.itertuples():
        np.testing.assert_array_equal(
            patches[row.first], transformed(patches[row.second], row.transform)
        )


def test_a_symmetric_copy_is_named_once(scene, cut, overlaps_of):
    half = cut(scene, 0, 0)[:, :48]
    pixels = np.concatenate([half, half[:, ::-1]], axis=1)
    assert overlaps_of({"a": pixels, "b": pixels})["transform"].tolist() == ["identity"]


def test_nearly_a_turned_copy_is_none(scene, cut, overlaps_of):
    pixels = cut(scene, 0, 0).copy()
    turned = np.rot90(pixels).copy()
    turned[50, 50, 0] ^= 1
    assert overlaps_of({"a": pixels, "b": turned}).empty


def test_turned_glass_is_no_copy(glass, cut, overlaps_of):
    assert overlaps_of({"a": cut(glass, 0, 0), "b": np.rot90(cut(glass, 0, 0))}).empty
