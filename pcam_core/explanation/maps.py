"""Heat maps of patches by both methods."""

from dataclasses import dataclass

import numpy as np

from pcam_core.explanation.grad_cam import grad_cam
from pcam_core.explanation.gradient import Floats
from pcam_core.explanation.integrated_gradients import integrated_gradients
from pcam_core.explanation.tapped import TappedModel
from pcam_core.patches import Pixels


@dataclass(frozen=True)
class HeatMaps:
    """What speaks for tumour in some patches.

    Attributes:
        maps: By method (see `METHODS`) float32 (n, side, side): of Grad-CAM 0 or more, of
            integrated gradients the sum over the channels, below 0 where a pixel speaks against
            tumour.
        logits: float32 (n,).
        completeness_error: By how much the integrated gradients miss the difference of the logits
            that they should add up to, on average, as a share of the mean difference.
    """

    maps: dict[str, Floats]
    logits: Floats
    completeness_error: float


def heat_maps(model: TappedModel, patches: Pixels, steps: int) -> HeatMaps:
    """Explain patches.

    Args:
        model: With its feature maps.
        patches: uint8 (n, side, side, 3), 0..255, as the model takes them; n at least 1.
        steps: Of integrated gradients.
    """
    cams, logits = grad_cam(model, patches)
    attributions, differences = integrated_gradients(model, patches, steps)
    missed = np.abs(attributions.sum(axis=(1, 2), dtype=np.float64) - differences).mean()
    whole = np.abs(differences).mean(dtype=np.float64)
    maps = {"grad_cam": cams, "integrated_gradients": attributions}
    return HeatMaps(maps, logits, float(missed / whole) if whole else 0.0)
