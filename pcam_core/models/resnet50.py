"""ResNet50 (He et al. 2015, arXiv:1512.03385) with the head: 25,686,913 parameters."""

from typing import Any

from keras import Model, applications, layers, ops
from keras.saving import register_keras_serializable

from pcam_core.models.architecture import Architecture
from pcam_core.models.backbone import search, with_head
from pcam_core.models.settings import Hyperparameters, NetworkSettings

# Mean blue, green and red of ImageNet: the weights were made with Caffe's channel order.
_MEANS = (103.939, 116.779, 123.68)
_BLOCKS = ("conv1", "conv2", "conv3", "conv4", "conv5")


@register_keras_serializable(package="pcam")
class CaffeNormalisation(layers.Layer):
    """RGB (n, h, w, 3), 0..255, to BGR with ImageNet's channel means taken off."""

    def call(self, pixels: Any) -> Any:
        """Return float32 of the input's shape, about -124 to 151."""
        return ops.flip(pixels, axis=-1) - ops.convert_to_tensor(_MEANS, pixels.dtype)


def build(settings: NetworkSettings, hyperparameters: Hyperparameters) -> Model:
    """See `with_head`; 2,099,201 parameters are trained while the backbone is frozen."""
    make, normalise = applications.ResNet50, CaffeNormalisation()
    return with_head("resnet50", settings, hyperparameters, make, _BLOCKS, normalise)


ARCHITECTURE = Architecture("resnet50", build, search, 1e-5, tuned_as="resnet50")
