"""ConvNeXt-Tiny (Liu et al. 2022, arXiv:2201.03545) with the head: 28,608,609 parameters."""

from keras import Model, applications

from pcam_core.models.architecture import Architecture
from pcam_core.models.backbone import search, with_head
from pcam_core.models.settings import Hyperparameters, NetworkSettings

_BLOCKS = (
    "convnext_tiny_stem",
    "convnext_tiny_downsampling_block_0",
    "convnext_tiny_downsampling_block_1",
    "convnext_tiny_downsampling_block_2",
)


def build(settings: NetworkSettings, hyperparameters: Hyperparameters) -> Model:
    """See `with_head`; the application normalises pixels itself, whatever its weights."""
    make = applications.ConvNeXtTiny
    return with_head("convnext_tiny", settings, hyperparameters, make, _BLOCKS)


ARCHITECTURE = Architecture("convnext_tiny", build, search, 1e-4, tuned_as="convnext_tiny")
