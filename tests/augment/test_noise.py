import numpy as np
import pytest
from scipy.stats import kurtosis


def test_normal_of_a_deviation_that_stays_in_its_range_and_fills_it(run):
    noise = run("noise", np.full((300, 24, 24, 3), 128, np.uint8)) - 128
    deviation = noise.std(axis=(1, 2, 3))
    assert deviation.min() < 0.06
    assert 2.8 < deviation.max() < 3.15
    assert deviation.mean() == pytest.approx(1.5, abs=0.15)
    scaled = (noise / deviation[:, None, None, None]).ravel()
    assert scaled.mean() == pytest.approx(0, abs=0.01)
    assert kurtosis(scaled) == pytest.approx(0, abs=0.15)
    assert np.mean(np.abs(scaled) < 1) == pytest.approx(0.683, abs=0.01)


def test_pixels_channels_and_patches_have_noise_of_their_own(run):
    noise = run("noise", np.full((12, 24, 24, 3), 128, np.uint8), seed=5) - 128
    noise = noise / noise.std(axis=(1, 2, 3), keepdims=True)
    assert np.abs(np.corrcoef(noise.reshape(12, -1)) - np.eye(12)).max() < 0.1
    assert np.abs(np.corrcoef(noise.reshape(-1, 3).T) - np.eye(3)).max() < 0.05
    assert abs(np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]) < 0.03
