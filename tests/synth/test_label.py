import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pcam_core.synth import draw_patch, draw_slide, label_of
from pcam_core.synth.draws import generator


@pytest.mark.parametrize(
    ("row", "column", "label"),
    [(32, 32, 1), (63, 63, 1), (31, 48, 0), (64, 48, 0), (48, 31, 0), (48, 64, 0), (0, 0, 0)],
)
def test_one_pixel_decides(row: int, column: int, label: int) -> None:
    tumour = np.zeros((96, 96), dtype=bool)
    tumour[row, column] = True
    assert label_of(tumour) == label


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32), number=st.integers(0, 40), split=st.sampled_from(["train", "test"])
)
def test_label_is_tumour_in_the_centre(seed: int, number: int, split: str) -> None:
    patch = draw_patch(generator(seed), draw_slide(seed, split, number))
    assert patch.image.shape == (96, 96, 3)
    assert patch.image.dtype == np.uint8
    assert patch.tumour.shape == (96, 96)
    assert patch.tumour.dtype == np.bool_
    assert patch.label == int(patch.tumour[32:64, 32:64].any())
