import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pcam_core.overlap.scramble import colours
from pcam_core.overlap.windows import CERTAIN, WINDOW, choose_windows


def places(windows):
    columns = (windows.hashes, windows.rows, windows.columns)
    return set(zip(*(column.tolist() for column in columns), strict=True))


def test_every_square_holds_a_chosen_window(scene, cut):
    windows = choose_windows(colours(cut(scene, 0, 0)[None]))
    chosen = np.zeros((96, 96), bool)
    chosen[windows.rows, windows.columns] = True
    reach = CERTAIN - WINDOW + 1
    squares = np.lib.stride_tricks.sliding_window_view(chosen[:88, :88], (reach, reach))
    assert squares.any(axis=(2, 3)).all()
    assert 250 < len(windows.hashes) < 400


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 80), st.integers(0, 80))
def test_the_choice_does_not_depend_on_where_the_patch_was_cut(scene, cut, y, x):
    here = places(choose_windows(colours(cut(scene, 0, 0)[None])))
    there = {
        (number, row + y, column + x)
        for number, row, column in places(choose_windows(colours(cut(scene, y, x)[None])))
    }
    # Windows that have all their neighbours in both patches.
    margin = CERTAIN - WINDOW
    inner = [
        {
            place
            for place in found
            if y + margin <= place[1] < 88 - margin and x + margin <= place[2] < 88 - margin
        }
        for found in (here, there)
    ]
    assert inner[0] == inner[1]


def test_numbers_the_patches_of_a_batch(scene, cut):
    both = np.stack([cut(scene, 0, 0), cut(scene, 100, 100)])
    windows = choose_windows(colours(both))
    for index in range(2):
        alone = choose_windows(colours(both[index : index + 1]))
        np.testing.assert_array_equal(windows.hashes[windows.patches == index], alone.hashes)
