"""How like an original a restored patch is, and ways of enlarging beside each other."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from pcam_core.superres.upscaler import Upscaler

Pixels = NDArray[np.uint8]

_HIGHEST = 255.0
_WINDOW_SIGMA = 1.5
_WINDOW_RADIUS = 5
_BATCH = 8


def gallery(crops: Pixels, upscaler: Upscaler) -> dict[str, Pixels]:
    """The same crops enlarged in several ways, to be shown side by side.

    Args:
        crops: uint8 (B, H, W, 3), 0..255.
        upscaler: Of any scale.

    Returns:
        Five uint8 arrays (B, H*scale, W*scale, 3), 0..255, by name in the order to show:
        "raw crop" (unchanged, on white), "nearest", "bicubic", "LANCZOS" and "upscaler".
    """
    height, width = (length * upscaler.scale for length in crops.shape[1:3])
    return {
        "raw crop": _on_white(crops, height, width),
        "nearest": _resized(crops, height, width, Image.Resampling.NEAREST),
        "bicubic": _resized(crops, height, width, Image.Resampling.BICUBIC),
        "LANCZOS": _resized(crops, height, width, Image.Resampling.LANCZOS),
        "upscaler": enlarge(crops, upscaler),
    }


def enlarge(patches: Pixels, upscaler: Upscaler) -> Pixels:
    """Enlarge in batches of one size, the last one filled up: each new shape would compile anew.

    Args:
        patches: uint8 (n, H, W, 3), 0..255, n at least 1.
        upscaler: Of any scale.

    Returns:
        uint8 (n, H*scale, W*scale, 3), 0..255.
    """
    missing = -len(patches) % _BATCH
    filled = np.concatenate([patches, np.repeat(patches[-1:], missing, axis=0)])
    batches = [upscaler(filled[start : start + _BATCH]) for start in range(0, len(filled), _BATCH)]
    return np.concatenate(batches)[: len(patches)]


def psnr(restored: Pixels, original: Pixels) -> float:
    """Peak signal-to-noise ratio, in decibels, for a peak of 255.

    Args:
        restored: uint8 (H, W, 3), 0..255, or several patches, whose errors count together.
        original: The same.

    Returns:
        Infinity where the two are equal.
    """
    error = float(np.mean((restored.astype(np.float64) - original) ** 2))
    return float(10 * np.log10(_HIGHEST**2 / error)) if error else float("inf")


def ssim(restored: Pixels, original: Pixels) -> float:
    """Structural similarity of one patch: 1 where the two are equal.

    Source: Wang et al. 2004, "Image quality assessment: from error visibility to structural
    similarity", IEEE TIP 13(4), with its constants and its Gaussian window of 11 pixels and
    deviation 1.5; the mean over channels and over all windows that lie within the patch.

    Args:
        restored: uint8 (H, W, 3), 0..255, H and W at least 11.
        original: The same.
    """
    one, two = restored.astype(np.float64), original.astype(np.float64)
    mean_one, mean_two = _window(one), _window(two)
    variances = _window(one**2) + _window(two**2) - mean_one**2 - mean_two**2
    covariance = _window(one * two) - mean_one * mean_two
    c1, c2 = (0.01 * _HIGHEST) ** 2, (0.03 * _HIGHEST) ** 2
    likeness = (2 * mean_one * mean_two + c1) * (2 * covariance + c2)
    likeness /= (mean_one**2 + mean_two**2 + c1) * (variances + c2)
    return float(likeness.mean())


def _resized(patches: Pixels, height: int, width: int, method: Image.Resampling) -> Pixels:
    images = (Image.fromarray(patch).resize((width, height), method) for patch in patches)
    return np.stack([np.asarray(image) for image in images])


def _window(picture: NDArray[np.float64]) -> NDArray[np.float64]:
    means: NDArray[np.float64] = gaussian_filter(
        picture, _WINDOW_SIGMA, radius=_WINDOW_RADIUS, axes=(0, 1)
    )
    inner = slice(_WINDOW_RADIUS, -_WINDOW_RADIUS)
    return means[inner, inner]


def _on_white(crops: Pixels, height: int, width: int) -> Pixels:
    shown = np.full((len(crops), height, width, crops.shape[3]), 255, np.uint8)
    top, left = (height - crops.shape[1]) // 2, (width - crops.shape[2]) // 2
    shown[:, top : top + crops.shape[1], left : left + crops.shape[2]] = crops
    return shown
