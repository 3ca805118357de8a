import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcam_core.overlap import CERTAIN
from pcam_core.synth import generate

FURTHEST = 96 - CERTAIN
offsets = st.integers(-FURTHEST, FURTHEST)


@settings(max_examples=150, deadline=None)
@given(dy=offsets, dx=offsets)
def test_finds_every_overlap_of_sixteen_by_sixteen_pixels(scene, cut, overlaps_of, dy, dx):
    found = overlaps_of({"a": cut(scene, 150, 150), "b": cut(scene, 150 + dy, 150 + dx)})
    shared = (96 - abs(dy)) * (96 - abs(dx))
    assert found.to_numpy().tolist() == [["a", "b", dy, dx, "identity", shared]]


@settings(max_examples=150, deadline=None)
@given(dy=offsets, dx=offsets, spot=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_one_informative_window_anywhere_in_the_overlap_is_enough(
    scene, cut, overlaps_of, dy, dx, spot
):
    slide = np.full_like(scene, 245)
    y, x = (
        150 + max(offset, 0) + round(share * (96 - abs(offset) - 9))
        for offset, share in zip((dy, dx), spot, strict=True)
    )
    slide[y : y + 9, x : x + 9] = scene[:9, :9]
    found = overlaps_of({"a": cut(slide, 150, 150), "b": cut(slide, 150 + dy, 150 + dx)})
    assert [dy, dx] in found[["dy", "dx"]].to_numpy().tolist()


@settings(max_examples=50, deadline=None)
@given(dy=offsets, dx=offsets, where=st.tuples(st.floats(0, 1), st.floats(0, 1)))
def test_one_different_pixel_is_too_many(scene, cut, overlaps_of, dy, dx, where):
    first = cut(scene, 150, 150).copy()
    y, x = (
        max(offset, 0) + round(share * (95 - abs(offset)))
        for offset, share in zip((dy, dx), where, strict=True)
    )
    first[y, x, 1] ^= 1
    assert overlaps_of({"a": first, "b": cut(scene, 150 + dy, 150 + dx)}).empty


@settings(max_examples=50, deadline=None)
@given(height=st.integers(9, 28), part=st.floats(0, 1), turn=st.booleans())
def test_reports_no_smaller_area_than_it_promises_to_find(
    scene, cut, overlaps_of, height, part, turn
):
    width = 9 + int(part * ((CERTAIN**2 - 1) // height - 9))
    dy, dx = (96 - width, height - 96) if turn else (96 - height, 96 - width)
    assert overlaps_of({"a": cut(scene, 150, 150), "b": cut(scene, 150 + dy, 150 + dx)}).empty


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), levels=st.sampled_from([4, 16, 256]))
def test_unrelated_patches_share_nothing(overlaps_of, seed, levels):
    drawn = np.random.default_rng(seed).integers(0, levels, (8, 96, 96, 3), dtype=np.uint8)
    assert overlaps_of({str(index): pixels for index, pixels in enumerate(drawn)}).empty


def test_generated_patches_share_nothing(overlaps_of):
    patches = {str(index): generate(5, "train", index).image for index in range(60)}
    assert overlaps_of(patches).empty


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_uniform_patches_share_nothing(overlaps_of, shade):
    assert overlaps_of({name: np.full((96, 96, 3), shade, np.uint8) for name in "abc"}).empty


def test_glass_joins_nothing(glass, scene, cut, overlaps_of):
    blocks = {f"{y},{x}": cut(glass, y, x) for y in range(0, 300, 48) for x in range(0, 300, 48)}
    tissue = {}
    for name, y in (("a", 0), ("b", 150)):
        tissue[name] = cut(scene, y, 0).copy()
        tissue[name][:, 40:] = 244
    assert overlaps_of(blocks | tissue).empty


def test_a_straight_edge_joins_nothing(scene, cut, overlaps_of):
    edge = scene[:1, :96].repeat(96, axis=0)
    top, bottom = edge.copy(), edge.copy()
    top[:40], bottom[-40:] = cut(scene, 0, 0)[:40], cut(scene, 200, 0)[-40:]
    assert overlaps_of({"a": top, "b": bottom}).empty
