"""How bright and how contrasty real patches are, and draws of the same kind."""

import math
from dataclasses import dataclass

import numpy as np

from pcam_core.synth.draws import Floats, choose, normals


@dataclass(frozen=True)
class Appearance:
    """Colour statistics that a patch is exposed to.

    Attributes:
        mean: Mean of red, green and blue, 0..1.
        deviation: Standard deviation of red, green and blue within the patch, 0...5.
    """

    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]


@dataclass(frozen=True)
class _Mode:
    """One normal component: weight, mean, lower triangle of the Cholesky factor row by row.

    The six figures, with logit means r, g, b and log deviations R, G, B of the three colours:
    r - b, g - (r + b) / 2, (r + g + b) / 3, G, R - G, B - G.
    """

    weight: float
    mean: tuple[float, ...]
    factor: tuple[float, ...]


# Fitted by expectation maximisation (scikit-learn's GaussianMixture, full covariances) to 5,000
# labelled patches of Kaggle's histopathologic-cancer-detection training set (PCam, CC0), split by
# hue first: PCam's slides come from two hospitals, 0 brownish (RUMC-like) and 1 violet (UMCU-like).
# Keys: hospital, label. The fit keeps 10 modes, no patch.
_MODES: dict[tuple[int, int], tuple[_Mode, ...]] = {
    (0, 0): (
        _Mode(
            0.519,
            (0.194, -0.585, 0.243, -1.409, -0.047, -0.125),
            (
                0.131,
                -0.031,
                0.098,
                0.176,
                0.414,
                0.186,
                -0.039,
                0.102,
                -0.046,
                0.094,
                -0.018,
                -0.074,
                -0.014,
                -0.010,
                0.039,
                -0.004,
                -0.035,
                -0.012,
                -0.003,
                0.010,
                0.024,
            ),
        ),
        _Mode(
            0.313,
            (0.319, -0.533, 1.799, -1.785, -0.376, -0.258),
            (
                0.216,
                -0.016,
                0.267,
                -0.068,
                0.378,
                0.392,
                0.016,
                -0.101,
                -0.186,
                0.204,
                -0.026,
                0.027,
                -0.070,
                -0.083,
                0.109,
                0.067,
                0.065,
                -0.028,
                -0.032,
                0.049,
                0.043,
            ),
        ),
        _Mode(
            0.168,
            (0.008, -0.402, 1.842, -2.224, -0.430, -0.419),
            (
                0.155,
                0.039,
                0.210,
                0.285,
                0.211,
                0.632,
                -0.136,
                -0.407,
                -0.153,
                0.624,
                -0.078,
                0.109,
                -0.055,
                -0.021,
                0.175,
                0.069,
                0.116,
                -0.041,
                -0.036,
                0.100,
                0.083,
            ),
        ),
    ),
    (0, 1): (
        _Mode(
            0.871,
            (0.311, -0.612, 0.651, -1.591, -0.114, -0.148),
            (
                0.137,
                -0.046,
                0.092,
                0.198,
                0.478,
                0.211,
                -0.092,
                0.024,
                -0.071,
                0.115,
                -0.040,
                -0.096,
                -0.022,
                -0.015,
                0.051,
                -0.005,
                -0.033,
                -0.008,
                -0.003,
                0.017,
                0.025,
            ),
        ),
        _Mode(
            0.129,
            (-0.018, -0.674, 1.316, -1.699, -0.298, -0.431),
            (
                0.205,
                0.075,
                0.251,
                0.334,
                0.302,
                0.368,
                -0.188,
                0.087,
                0.001,
                0.201,
                0.017,
                -0.068,
                -0.055,
                -0.050,
                0.103,
                0.151,
                -0.037,
                -0.026,
                -0.030,
                0.085,
                0.050,
            ),
        ),
    ),
    (1, 0): (
        _Mode(
            0.049,
            (-0.595, -1.404, -0.713, -2.388, 0.391, 0.142),
            (
                0.195,
                -0.093,
                0.330,
                0.077,
                0.195,
                0.186,
                -0.162,
                0.607,
                -0.055,
                0.312,
                0.082,
                -0.237,
                -0.059,
                -0.071,
                0.065,
                0.012,
                -0.187,
                -0.140,
                -0.090,
                0.041,
                0.098,
            ),
        ),
        _Mode(
            0.608,
            (-0.598, -1.088, -0.014, -1.616, 0.091, -0.183),
            (
                0.119,
                0.018,
                0.147,
                0.175,
                0.109,
                0.120,
                0.045,
                0.109,
                0.025,
                0.104,
                -0.018,
                -0.053,
                -0.023,
                -0.022,
                0.032,
                -0.027,
                -0.045,
                -0.031,
                -0.016,
                0.021,
                0.027,
            ),
        ),
        _Mode(
            0.343,
            (-0.318, -1.025, 0.420, -1.523, -0.048, -0.326),
            (
                0.149,
                -0.057,
                0.157,
                0.160,
                0.128,
                0.195,
                -0.053,
                0.137,
                0.009,
                0.130,
                -0.026,
                -0.087,
                -0.043,
                -0.057,
                0.068,
                -0.005,
                -0.082,
                -0.043,
                -0.046,
                0.048,
                0.044,
            ),
        ),
    ),
    (1, 1): (
        _Mode(
            0.571,
            (-0.404, -1.125, 0.204, -1.806, 0.066, -0.206),
            (
                0.122,
                -0.005,
                0.160,
                0.159,
                0.180,
                0.148,
                -0.020,
                0.135,
                -0.036,
                0.119,
                -0.029,
                -0.073,
                -0.044,
                -0.028,
                0.063,
                -0.026,
                -0.064,
                -0.050,
                -0.025,
                0.034,
                0.054,
            ),
        ),
        _Mode(
            0.429,
            (-0.211, -1.072, 0.639, -1.703, -0.060, -0.310),
            (
                0.122,
                -0.057,
                0.109,
                0.075,
                0.045,
                0.182,
                -0.064,
                0.063,
                -0.001,
                0.132,
                -0.034,
                -0.031,
                -0.053,
                -0.077,
                0.080,
                -0.002,
                -0.044,
                -0.025,
                -0.056,
                0.048,
                0.038,
            ),
        ),
    ),
}

# What share of each figure's variance lies between slides: hue and saturation are the slide's dyes
# and scanner, brightness and contrast are mostly the tissue in view.
_BETWEEN_SLIDES = np.array([0.75, 0.6, 0.1, 0.1, 0.3, 0.3])


def draw_manner(rng: np.random.Generator) -> tuple[float, ...]:
    """Six standard normal figures of a slide that all its patches' appearances share."""
    return tuple(float(value) for value in normals(rng, 6))


def draw_appearance(
    rng: np.random.Generator, hospital: int, label: int, manner: tuple[float, ...]
) -> Appearance:
    """Colour statistics like those of a real patch.

    Args:
        rng: Source of randomness.
        hospital: 0 for brownish, 1 for violet stains.
        label: 1 for a patch with tumour in its centre, else 0.
        manner: The slide's part, from `draw_manner`.
    """
    modes = _MODES[hospital, label]
    mode = modes[choose(rng, [mode.weight for mode in modes])]
    own = normals(rng, 6)
    latent = np.sqrt(_BETWEEN_SLIDES) * np.array(manner) + np.sqrt(1 - _BETWEEN_SLIDES) * own
    return _appearance(_correlate(mode, latent))


def _correlate(mode: _Mode, latent: Floats) -> list[float]:
    factor = iter(mode.factor)
    return [
        mode.mean[row] + sum(next(factor) * float(latent[column]) for column in range(row + 1))
        for row in range(6)
    ]


def _appearance(figures: list[float]) -> Appearance:
    hue, saturation, brightness, green_spread, red_spread, blue_spread = figures
    green = brightness + 2.0 * saturation / 3.0
    both = green - saturation
    logits = (both + hue / 2.0, green, both - hue / 2.0)
    spreads = (green_spread + red_spread, green_spread, green_spread + blue_spread)
    red_mean, green_mean, blue_mean = (1.0 / (1.0 + math.exp(-value)) for value in logits)
    red_dev, green_dev, blue_dev = (min(0.4, math.exp(value)) for value in spreads)
    return Appearance((red_mean, green_mean, blue_mean), (red_dev, green_dev, blue_dev))
