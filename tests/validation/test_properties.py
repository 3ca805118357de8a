import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra.numpy import arrays

from pcam_core.patches import PatchError
from pcam_core.validation.pixel_hash import pixel_hash
from pcam_core.validation.properties import WHITE, measure, measure_all

PIXELS = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)


@settings(max_examples=30, deadline=None)
@given(pixels=arrays(np.uint8, (8, 8, 3)))
def test_as_plain_numpy_measures(pixels):
    found = measure(pixels)
    for channel, name in enumerate("rgb"):
        assert found[f"mean_{name}"] == pytest.approx(pixels[..., channel].mean(), abs=1e-3)
        assert found[f"std_{name}"] == pytest.approx(pixels[..., channel].std(), abs=1e-3)
    assert found["white"] == pytest.approx((pixels > WHITE).all(axis=-1).mean())
    assert found["spread"] == np.ptp(pixels, axis=(0, 1)).max()
    assert found["brightest"] == pixels.max()


@pytest.mark.parametrize("level", [0, 1, 100, 255])
def test_one_colour_has_no_deviation_at_all(level):
    found = measure(np.full((96, 96, 3), level, np.uint8))
    assert [found[name] for name in ("std_r", "std_g", "std_b", "spread")] == [0] * 4


def test_the_hash_follows_the_pixels_alone():
    other = PIXELS.copy()
    other[95, 95, 2] ^= 1
    turned = np.rot90(PIXELS)
    assert pixel_hash(turned) == pixel_hash(turned.copy())
    assert len({pixel_hash(each) for each in (PIXELS, other, turned)}) == 3


@pytest.mark.parametrize("count", [0, 1, 127, 128, 129, 300])
def test_rows_and_faults_stand_where_the_patches_do(count):
    def decode(part, patch_id):
        number = int(patch_id)
        if number % 50 == 7:
            raise PatchError("size", f"{number} is too large")
        if number % 50 == 9:
            raise ValueError("gone")
        return np.full((96, 96, 3), number % 256, np.uint8)

    measured, faults = measure_all(decode, [("train", str(n)) for n in range(count)])
    wanted = [np.nan if n in faults else n % 256 for n in range(count)]
    np.testing.assert_array_equal(measured["mean_r"], np.array(wanted, np.float32))
    assert {n: fault for n, (fault, _) in faults.items()} == {
        n: "size" if n % 50 == 7 else "unreadable" for n in range(count) if n % 50 in (7, 9)
    }


def test_no_words_for_programmers():
    def decode(part, patch_id):
        warnings.warn_explicit("metadata", UserWarning, "x", 1, module="PIL.TiffImagePlugin")
        return PIXELS

    with warnings.catch_warnings(record=True) as told:
        measure_all(decode, [("train", "a")])
    assert told == []
