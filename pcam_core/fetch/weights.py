"""Published weights for machines that will run without a connection.

The ImageNet files are those that `keras.applications` would load for `weights="imagenet"` and
`include_top=False`: addresses and checksums are Keras 3.15's (keras/src/applications/,
`BASE_WEIGHTS_PATH` and `WEIGHTS_HASHES`), so that Keras finds them, and checks them again, below
KERAS_HOME. Where a size is given, it is that of Keras' own download messages.

For ESRGAN no checksum is published; `Weights.esrgan_sha256` lets two machines compare theirs.
"""

from dataclasses import dataclass
from pathlib import Path

from pcam_core.fetch.download import RemoteFile, download_all
from pcam_core.progress import Meter
from pcam_core.superres.hub_download import download_hub_esrgan
from pcam_core.superres.upscaler import digest
from pcam_core.writable import check_writable

IMAGENET = [
    RemoteFile(
        "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "https://storage.googleapis.com/tensorflow/keras-applications/resnet/"
        "resnet50_weights_tf_dim_ordering_tf_kernels_notop.h5",
        "4d473c1dd8becc155b73f8504c6f6626",
        94_765_736,
    ),
    RemoteFile(
        "efficientnetb0_notop.h5",
        "https://storage.googleapis.com/keras-applications/efficientnetb0_notop.h5",
        "50bc09e76180e00e4465e1a485ddc09d",
        16_705_208,
    ),
    RemoteFile(
        "efficientnetv2-b0_notop.h5",
        "https://storage.googleapis.com/tensorflow/keras-applications/efficientnet_v2/"
        "efficientnetv2-b0_notop.h5",
        "893217f2bb855e2983157299931e43ff",
    ),
    RemoteFile(
        "convnext_tiny_notop.h5",
        "https://storage.googleapis.com/tensorflow/keras-applications/convnext/"
        "convnext_tiny_notop.h5",
        "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
        limit=150_000_000,
    ),
]

# Where each stands: https://github.com/tensorflow/tfhub.dev, assets/docs/captain-pool/esrgan-tf2/
# 1.md ("license: MIT"); https://github.com/keras-team/keras, docs/templates/applications.md of
# Keras 2; for EfficientNet nobody states one of the weights themselves.
LICENCES = {
    "ESRGAN": "MIT (https://github.com/captain-pool/GSOC/blob/master/LICENSE)",
    "ResNet50": "MIT, ported from Kaiming He's"
    " (https://github.com/KaimingHe/deep-residual-networks/blob/master/LICENSE)",
    "EfficientNetB0": "none stated for the file; converted from a checkpoint of tensorflow/tpu,"
    " whose code is Apache-2.0 (https://github.com/tensorflow/tpu/blob/master/LICENSE)",
    "EfficientNetV2B0": "none stated for the file; converted from a checkpoint of google/automl,"
    " whose code is Apache-2.0 (https://github.com/google/automl/blob/master/LICENSE)",
    "ConvNeXtTiny": "none stated for the file; converted from a checkpoint of"
    " facebookresearch/ConvNeXt, which is MIT"
    " (https://github.com/facebookresearch/ConvNeXt/blob/main/LICENSE)",
}


@dataclass(frozen=True)
class Weights:
    """Where weights lie.

    Attributes:
        variables: Environment variables, by name, that lead the pipeline to them.
        esrgan: The SavedModel folder of captain-pool/esrgan-tf2.
        esrgan_sha256: 64 hex digits over its files; see `superres.upscaler.digest`.
    """

    variables: dict[str, Path]
    esrgan: Path
    esrgan_sha256: str


def fetch_weights(folder: Path) -> Weights:
    """Bring the ImageNet weights (some 250 MB) and ESRGAN's (some 20 MB) into a folder.

    What is there already stays; ImageNet's files are checked.

    Args:
        folder: Made if it is missing; can be copied to another machine as a whole.

    Raises:
        InputError: See `download_all`; or ESRGAN cannot be downloaded.
    """
    check_writable(folder)
    folder = folder.resolve()
    keras, hub = folder / "keras", folder / "tfhub"
    download_all(IMAGENET, keras / "models")
    hub.mkdir(exist_ok=True)
    Meter("Download ESRGAN (models)", 1).advance(0)
    esrgan = download_hub_esrgan(hub)
    variables = {"KERAS_HOME": keras, "TFHUB_CACHE_DIR": hub}
    return Weights(variables, esrgan, digest(str(esrgan)))
