"""From optical density to a picture of given brightness and contrast."""

import numpy as np
from numpy.typing import NDArray

from pcam_core.synth.appearance import Appearance
from pcam_core.synth.draws import Floats

_STEPS = 6
_STRIDE = 4
_GAMMA = (0.5, 2.0)
_STRENGTH = (-4.0, 3.0)
_LARGEST_STEP = 0.6
# Scanners lift the blacks: the darkest pixels of real patches have this much red, green and blue.
_BLACK = np.array([0.09, 0.0, 0.11])


def expose(density: Floats, look: Appearance) -> NDArray[np.uint8]:
    """Picture of the tissue in which every colour has about the wanted mean and deviation.

    Each colour's density d becomes strength * d ** gamma: how strongly the section is stained, and
    how the scanner renders contrast. The two are found by damped Newton steps within bounds, so a
    look that this tissue cannot take is approached, not reached.

    Args:
        density: (3, 96, 96) float64, natural optical density, > 0.
        look: Wanted mean and deviation.

    Returns:
        (96, 96, 3) uint8, RGB.
    """
    log_density = np.log(density)
    strength, gamma = _fit(log_density[:, ::_STRIDE, ::_STRIDE].reshape(3, -1), look)
    passed = np.exp(-np.exp(strength[:, None, None] + gamma[:, None, None] * log_density))
    black = _BLACK[:, None, None]
    light = black + (1.0 - black) * passed
    levels = np.floor(255.0 * light + 0.5).astype(np.uint8)
    return np.ascontiguousarray(levels.transpose(1, 2, 0))


def _fit(log_density: Floats, look: Appearance) -> tuple[Floats, Floats]:
    """Log strength and gamma, (3,) float64 each, for densities (3, pixels)."""
    wanted_mean = np.maximum((np.array(look.mean) - _BLACK) / (1.0 - _BLACK), 0.02)
    wanted_deviation = np.array(look.deviation) / (1.0 - _BLACK)
    gamma = np.ones(3)
    strength = np.log(-np.log(wanted_mean)) - log_density.mean(axis=1)
    for _ in range(_STEPS):
        exponent = np.exp(strength[:, None] + gamma[:, None] * log_density)
        light = np.exp(-exponent)
        mean = _mean(light)
        centred = light - mean[:, None]
        deviation = np.sqrt(_mean(centred * centred)) + 1e-6
        by_strength = -light * exponent
        by_gamma = by_strength * log_density
        mean_s, mean_g = _mean(by_strength), _mean(by_gamma)
        spread_s = _mean(centred * by_strength) / deviation
        spread_g = _mean(centred * by_gamma) / deviation
        miss_mean, miss_deviation = wanted_mean - mean, wanted_deviation - deviation
        determinant = mean_s * spread_g - mean_g * spread_s
        determinant = np.where(np.abs(determinant) < 1e-5, 1e-5, determinant)
        step_s = (miss_mean * spread_g - mean_g * miss_deviation) / determinant
        step_g = (mean_s * miss_deviation - miss_mean * spread_s) / determinant
        strength = np.clip(strength + np.clip(step_s, -_LARGEST_STEP, _LARGEST_STEP), *_STRENGTH)
        gamma = np.clip(gamma + np.clip(step_g, -_LARGEST_STEP, _LARGEST_STEP), *_GAMMA)
    return strength, gamma


def _mean(values: Floats) -> Floats:
    return np.asarray(np.add.reduce(values, axis=1) / values.shape[1])
