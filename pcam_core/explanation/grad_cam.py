"""Grad-CAM: which places of the last feature map speak for tumour."""

import numpy as np

from pcam_core.explanation.gradient import Floats, gradient
from pcam_core.explanation.tapped import TappedModel
from pcam_core.patches import Pixels
from pcam_core.progress import Meter

_BATCH = 32  # what models are trained with fits here too


def grad_cam(model: TappedModel, patches: Pixels) -> tuple[Floats, Floats]:
    """Return heat maps of what speaks for tumour.

    Source: Selvaraju et al. 2017, "Grad-CAM", arXiv:1610.02391. A channel of the last feature map
    counts by the mean slope of the logit over it; what speaks against tumour is cut off. A map is
    laid over the picture where its pixels have looked, and interpolated linearly. Of several
    networks the maps are averaged.

    Args:
        model: With its feature maps.
        patches: uint8 (n, side, side, 3), 0..255; n at least 1.

    Returns:
        Maps float32 (n, side, side), not negative, all 0 where nothing speaks for tumour; and
        logits float32 (n,).
    """
    slopes_of = gradient(model, first=1)
    spreads = [found.grid.spread(model.side) for found in model.maps]
    # A batch of another shape would be compiled anew.
    batch = min(_BATCH, len(patches))
    still = [
        np.zeros((batch, found.grid.count, found.grid.count, found.channels), np.float32)
        for found in model.maps
    ]
    meter = Meter("Grad-CAM", len(patches))
    maps, logits = [], []
    for start in range(0, len(patches), batch):
        chosen = patches[start : start + batch].astype(np.float32)
        lacking = batch - len(chosen)
        padded = np.pad(chosen, ((0, lacking), (0, 0), (0, 0), (0, 0)), mode="edge")
        (logit, *features), slopes = slopes_of([padded, *still])
        heats = []
        for feature, slope, spread in zip(features, slopes, spreads, strict=True):
            weight = slope.mean(axis=(1, 2), keepdims=True)
            heat = np.maximum((weight * feature).sum(axis=-1), 0)
            heats.append(np.einsum("nhw,yh,xw->nyx", heat, spread, spread, optimize=True))
        maps.append(np.mean(heats, axis=0)[: len(chosen)].astype(np.float32))
        logits.append(logit[: len(chosen)])
        meter.advance(len(chosen))
    return np.concatenate(maps), np.concatenate(logits)
