"""EfficientNetV2-B0 (Tan and Le 2021, arXiv:2104.00298) with the head: 7,232,081 parameters."""

from keras import Model, applications

from pcam_core.models.architecture import Architecture
from pcam_core.models.backbone import search, with_head
from pcam_core.models.settings import Hyperparameters, NetworkSettings

_BLOCKS = ("stem", "block1", "block2", "block3", "block4", "block5", "block6")


def build(settings: NetworkSettings, hyperparameters: Hyperparameters) -> Model:
    """See `with_head`; the application normalises pixels itself, whatever its weights."""
    make = applications.EfficientNetV2B0
    return with_head("efficientnet_v2_b0", settings, hyperparameters, make, _BLOCKS)


ARCHITECTURE = Architecture(
    "efficientnet_v2_b0", build, search, 3e-4, tuned_as="efficientnet_v2_b0"
)
