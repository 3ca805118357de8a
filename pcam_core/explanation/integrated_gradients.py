"""Integrated gradients: what every pixel adds to the score."""

import numpy as np

from pcam_core.explanation.gradient import Floats, gradient
from pcam_core.explanation.tapped import TappedModel
from pcam_core.patches import Pixels
from pcam_core.progress import Meter

BASELINE = 255.0
"""Every value of the picture that stands for nothing: empty glass. A black one would let dark
nuclei count as nothing."""


def integrated_gradients(model: TappedModel, patches: Pixels, steps: int) -> tuple[Floats, Floats]:
    """Return how much every value of a picture raises the logit above that of empty glass.

    Source: Sundararajan et al. 2017, "Axiomatic Attribution for Deep Networks", arXiv:1703.01365:
    the mean slope of the logit along the straight line from the baseline to the picture, times the
    difference of the two. All values of a picture add up to the difference of the logits, but for
    the steps' error.

    Args:
        model: Whose logit is explained.
        patches: uint8 (n, side, side, 3), 0..255.
        steps: Points on the line, computed at once; each stands for the middle of a part.

    Returns:
        Attributions float32 (n, side, side), the sums over the channels, positive where a pixel
        speaks for tumour; and float32 (n,), the difference of the logits that they should add up
        to.
    """
    slopes_of = gradient(model)
    middles = (np.arange(steps) + 0.5) / steps
    # Both ends go along, so that the difference is known.
    way = np.concatenate([middles, (0.0, 1.0)]).astype(np.float32)[:, None, None, None]
    attributions = np.empty(patches.shape[:3], np.float32)
    differences = np.empty(len(patches), np.float32)
    meter = Meter("Integrated gradients", len(patches))
    for row, patch in enumerate(patches):
        away = patch - np.float32(BASELINE)
        (logits, *_), (slopes,) = slopes_of([BASELINE + way * away])
        mean = slopes[:steps].mean(axis=0, dtype=np.float64)
        attributions[row] = (away * mean).sum(axis=-1)
        differences[row] = logits[-1] - logits[-2]
        meter.advance()
    return attributions, differences
