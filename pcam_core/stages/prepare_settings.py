"""Settings of the stage `prepare`."""

from typing import Any, Literal

from pydantic import Field

from pcam_core.precision import Precision, inference_precision
from pcam_core.section import Section
from pcam_core.superres.upscaler import digest


class PrepareSettings(Section):
    """What is kept of a patch and how it is enlarged."""

    region: Literal[32, 64, 96] = Field(
        32, description="Side of the centre square that is kept, in pixels."
    )
    upscaler: str = Field(
        "esrgan",
        description="'none', 'lanczos' (4x), 'esrgan' (TensorFlow Hub's captain-pool/esrgan-tf2),"
        " the folder of a SavedModel, or the path or s3:// address of a Keras model ending in"
        " .keras.",
    )
    input_range: tuple[float, float] = Field(
        (0, 255),
        description="Pixel range that a .keras upscaler or a trusted SavedModel takes: (0, 1) or"
        " (0, 255).",
    )
    trusted_savedmodels: tuple[str, ...] = Field(
        (),
        description="sha256s, 64 hex digits each, of SavedModels other than ESRGAN that may be run;"
        " a SavedModel is a program.",
    )
    precision: Literal["auto"] | Precision = Field(
        "auto",
        description="Arithmetic of the network: 'auto' takes half precision on a GPU, bfloat16 on a"
        " CPU that multiplies it natively, else float32, on the machine that runs the flow.",
    )
    batch_size: int | None = Field(
        None,
        ge=1,
        le=4096,
        description="Patches that the network enlarges at once; none measures what is fastest.",
    )
    store_size: int | None = Field(
        None,
        ge=32,
        le=512,
        description="Side, in pixels, to which patches are stored enlarged by Pillow's LANCZOS"
        " (224: 42 GB for all of Kaggle's); none stores them as the upscaler gives them, and"
        " training enlarges them on the device.",
    )

    @property
    def network(self) -> bool:
        """Whether a network enlarges."""
        return self.upscaler not in {"none", "lanczos"}

    @property
    def arithmetic(self) -> Precision:
        """The precision, "auto" resolved for this machine."""
        if not self.network:
            return "float32"
        return inference_precision() if self.precision == "auto" else self.precision

    def content(self) -> Any:
        """Name the upscaler by its content and the precision that is used.

        The size of a batch and whom the user trusts change no result.
        """
        told = {**super().content(), "upscaler": digest(self.upscaler)}
        del told["batch_size"], told["trusted_savedmodels"]
        return told | {"precision": self.arithmetic}
