import numpy as np


def test_whole_pixels_up_to_a_twenty_fifth_of_the_side(run):
    pixels = np.arange(96, dtype=np.uint8)
    images = np.zeros((600, 96, 96, 3), np.uint8)
    images[..., 0] = pixels[:, None]
    images[..., 1] = pixels
    changed = run("shift", images).astype(int)
    rows, columns = changed[:, 48, 48, 0] - 48, changed[:, 48, 48, 1] - 48
    for moves in (rows, columns):
        found, counts = np.unique(moves, return_counts=True)
        assert found.tolist() == list(range(-4, 5))
        assert counts.min() > 35  # 67 each; the deviation is 8
    assert abs(np.corrcoef(rows, columns)[0, 1]) < 0.15
    # Each patch is moved as a whole, and mirrored at its edge.
    mirrored = np.pad(pixels, 4, mode="reflect")
    wanted = [mirrored[4 + row : 100 + row] for row in rows]
    np.testing.assert_array_equal(changed[:, :, 0, 0], wanted)


def test_a_patch_is_never_moved_out_of_sight(run):
    pixels = np.arange(4, dtype=np.uint8).reshape(1, 2, 2, 1).repeat(3, axis=3)
    assert set(run("shift", pixels.repeat(50, axis=0), strength=3).ravel()) <= {0, 1, 2, 3}
