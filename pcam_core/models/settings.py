"""Settings of the networks and of the space that tuning searches."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, ValidationError, WrapValidator

from pcam_core.atomic import sha256_of
from pcam_core.errors import InputError
from pcam_core.precision import auto_policy
from pcam_core.section import Section

Hyperparameters = dict[str, int | float]
ModelName = Literal[
    "custom_cnn",
    "tunable_cnn",
    "resnet50",
    "efficientnet_b0",
    "efficientnet_v2_b0",
    "convnext_tiny",
    "centre_cnn",
]
"""What the registry holds, known without loading Keras."""
BackboneName = Literal["resnet50", "efficientnet_b0", "efficientnet_v2_b0", "convnext_tiny"]


def _blocks(value: Any, check: Callable[[Any], int | Literal["all"]]) -> int | Literal["all"]:
    try:
        return check(value)
    except ValidationError as error:
        # Else every member of the union complains on its own.
        raise ValueError("it is 0, a number of blocks or 'all'") from error


Blocks = Annotated[
    Annotated[int, Field(ge=0, strict=True)] | Literal["all"], WrapValidator(_blocks)
]


class NetworkSettings(Section):
    """What is common to every network of a run."""

    image_size: int = Field(
        224,
        ge=32,
        le=512,
        description="Height and width, in pixels, to which a stored patch is enlarged.",
    )
    weights: str = Field(
        "imagenet",
        description="Start of a backbone (ResNet50, EfficientNet, ConvNeXt): 'imagenet'"
        " (downloaded), 'none' (random) or the path of a Keras weights file made from the"
        " ImageNet graph. Models without a backbone start from random weights.",
    )
    trained_blocks: Blocks = Field(
        0,
        description="How many of a backbone's last blocks learn, after the head: 0 keeps it as it"
        " is, 'all' trains all of it.",
    )
    precision: Literal["auto", "float32", "mixed_bfloat16", "mixed_float16"] = Field(
        "auto", description="Arithmetic: 'auto' takes float32 on a CPU, half precision on a GPU."
    )

    @property
    def policy(self) -> str:
        """Keras' dtype policy that this machine will use."""
        return auto_policy() if self.precision == "auto" else self.precision

    def content(self) -> Any:
        """Add the resolved precision and the digest of a weights file."""
        told = {**super().content(), "precision": self.policy}
        if self.weights not in ("imagenet", "none"):
            path = Path(self.weights)
            if not path.is_file():
                raise InputError(
                    f"The weights file {path} does not exist.",
                    "Set network.weights to 'imagenet', 'none' or an existing file.",
                )
            told["weights"] = sha256_of(path)
        return told


def _not_reversed(bounds: tuple[Any, Any]) -> tuple[Any, Any]:
    if bounds[0] > bounds[1]:
        raise ValueError("the lower bound comes first")
    return bounds


Range = Annotated[tuple[float, float], AfterValidator(_not_reversed)]
Strength = Annotated[float, Field(ge=0, le=3)]
StrengthRange = Annotated[tuple[Strength, Strength], AfterValidator(_not_reversed)]
IntRange = Annotated[tuple[int, int], AfterValidator(_not_reversed)]


class SearchSpace(Section):
    """What tuning may choose; the defaults are the source document's."""

    conv_layers: IntRange = Field((2, 4), description="Convolution layers (tunable CNN).")
    filters: tuple[int, ...] = Field(
        (32, 64, 128, 256), min_length=1, description="Filters of a layer (tunable CNN)."
    )
    kernels: tuple[int, ...] = Field(
        (3, 5, 7), min_length=1, description="Kernel sides of a layer, pixels (tunable CNN)."
    )
    dense_units: IntRange = Field(
        (64, 512), description="Units of the dense layer, in steps of 64 (tunable CNN)."
    )
    widths: tuple[float, ...] = Field(
        (0.5, 1.0, 2.0), min_length=1, description="Factor on the filters (centre CNN)."
    )
    dropout: Range = Field((0.2, 0.6), description="Share of dense units dropped while training.")
    learning_rate: Range = Field((1e-4, 1e-2), description="Adam's rate, drawn on a log scale.")
    augmentation_strength: StrengthRange | None = Field(
        None,
        description="What the ranges of the augmentation are multiplied by; none keeps"
        " augmentation.strength.",
    )
    backbones: tuple[BackboneName, ...] = Field(
        (),
        description="Backbones to choose from, if the tuned model is one of them; none keeps"
        " the tuned one.",
    )
