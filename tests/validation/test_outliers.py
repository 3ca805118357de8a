import numpy as np
import pandas as pd

from pcam_core.validation.outliers import LIMIT, deviations


def table(rows):
    return pd.DataFrame(rows, columns=["mean_r", "mean_g", "mean_b", "std_r", "std_g", "std_b"])


def test_normal_data_has_no_outlier_and_a_green_patch_is_one():
    rng = np.random.default_rng(0)
    rows = rng.normal([180, 130, 180, 48, 52, 41], [40, 50, 36, 15, 13, 13], (5000, 6))
    assert (deviations(table(rows))[0] > LIMIT).sum() == 0
    rows[7, :3] = [30, 255, 30]
    distance, words = deviations(table(rows))
    assert np.flatnonzero(distance > LIMIT).tolist() == []
    # Of tissue red, green and blue move together, and that is what tells.
    light = rng.normal(0, 40, (5000, 1))
    rows[:, :3] = rng.normal([180, 130, 180], 10, (5000, 3)) + light
    rows[7, :3] = [30, 200, 30]
    distance, words = deviations(table(rows))
    assert np.flatnonzero(distance > LIMIT).tolist() == [7]
    assert words[7].startswith(("red minus green -170", "blue minus green -170"))


def test_small_differences_between_equal_patches_mean_nothing():
    rows = np.full((50, 6), 100.0)
    rows[3] += 20
    assert deviations(table(rows))[0].max() < LIMIT
