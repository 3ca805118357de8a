"""EfficientNetB0 (Tan and Le 2019, arXiv:1905.11946) with the head: 5,362,340 parameters."""

import math
from pathlib import Path
from typing import Any

from keras import Model, applications, layers

from pcam_core.models.architecture import Architecture
from pcam_core.models.backbone import search, with_head
from pcam_core.models.settings import Hyperparameters, NetworkSettings

_MEAN = (0.485, 0.456, 0.406)
_STANDARD_DEVIATION = (0.229, 0.224, 0.225)
_BLOCKS = ("stem", "block1", "block2", "block3", "block4", "block5", "block6", "block7")


def build(settings: NetworkSettings, hyperparameters: Hyperparameters) -> Model:
    """See `with_head`; 1,312,769 parameters are trained while the backbone is frozen."""

    def normalise(pixels: Any) -> Any:
        return imagenet_rescaling()(pixels) if Path(settings.weights).is_file() else pixels

    make = applications.EfficientNetB0
    return with_head("efficientnet_b0", settings, hyperparameters, make, _BLOCKS, normalise)


def imagenet_rescaling() -> layers.Layer:
    """Return what makes the graph that Keras builds for a weights file equal ImageNet's.

    Only for `weights="imagenet"` does Keras divide by the root of the standard deviation
    after normalising by (mean, variance). This does the same division, moved in front of the
    normalisation, on pixels 0..255.
    """
    factors = [1 / math.sqrt(deviation) for deviation in _STANDARD_DEVIATION]
    offsets = [255 * m * (1 - f) for m, f in zip(_MEAN, factors, strict=True)]
    return layers.Rescaling(factors, offsets)


ARCHITECTURE = Architecture("efficientnet_b0", build, search, 1e-4, tuned_as="efficientnet_b0")
