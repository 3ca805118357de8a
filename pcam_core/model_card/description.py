"""The small JSON beside a saved model: where it comes from and how it is to be used."""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pcam_core.atomic import sha256_of
from pcam_core.decision.calibration import Calibrator
from pcam_core.errors import InputError
from pcam_core.precision import Precision
from pcam_core.stages.final_settings import Form
from pcam_core.stages.prepare_settings import PrepareSettings
from pcam_core.training.views import Views

DESCRIPTION = "model.json"


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class PixelContract(_Told):
    """What the model takes, and how a raw patch becomes that.

    Attributes:
        layout: Order of the axes: patches, rows, columns, channels.
        channels: Order of the channels.
        dtype: Of stored patches; the model scales them itself.
        levels: The least and the greatest.
        stored_side: Rows and columns of what the model takes, pixels.
        region: Side of the centre square that is cut out of a raw patch, pixels.
        upscaler: What enlarges it; see `PrepareSettings`.
        input_range: Least and greatest level that the upscaler takes.
        precision: What the upscaler computed with.
        store_size: Side to which Pillow's LANCZOS then enlarges, pixels; None: not at all.
    """

    layout: Literal["NHWC"] = "NHWC"
    channels: Literal["RGB"] = "RGB"
    dtype: Literal["uint8"] = "uint8"
    levels: tuple[Literal[0], Literal[255]] = (0, 255)
    stored_side: int = Field(ge=1)
    region: Literal[32, 64, 96]
    upscaler: str
    input_range: tuple[float, float]
    precision: Precision
    store_size: int | None

    def prepare(self) -> PrepareSettings:
        """Return the settings that make stored patches; they trust no SavedModel."""
        return PrepareSettings(
            region=self.region,
            upscaler=self.upscaler,
            input_range=self.input_range,
            precision=self.precision,
            store_size=self.store_size,
        )


class Estimate(_Told):
    """A figure of the held-out test with its 95 % interval, 0..1."""

    value: float
    low: float
    high: float


class Metrics(_Told):
    """Figures of the held-out test; see the stage `evaluate`.

    Attributes:
        patches: How many it has.
        groups: Of how many groups, which the intervals resample.
        at_half: Scores by name, from probability .5 on.
        at_threshold: Scores by name, from the threshold on.
    """

    patches: int
    groups: int
    at_half: dict[str, Estimate]
    at_threshold: dict[str, Estimate]


class ModelDescription(_Told):
    """All that is known of a saved model.

    Attributes:
        name: The recipe's name and the beginning of the model's content key.
        architecture: Its name in the registry of architectures.
        parameters: How many weights it has.
        hyperparameters: What tuning chose.
        form: What the file holds: a single model, the mean of the cross-validation's, or both.
        averaged_with: Other architectures in the mean.
        views: Flips and quarter turns of a patch, over which its probability is to be averaged:
            all figures were measured so.
        recipe: Every setting of the run as JSON values, nested by section.
        package: Version of the package that trained it.
        code: Stage to the digest of the code that it ran; see `source_digest`.
        versions: Backend, and library to version, of those that floating-point results depend on.
        data_key: Content key of the raw data.
        split_key: Content key of the split.
        hold_out: Version of the hold-out that it was measured on; None if the test part was drawn.
        sha256: Of the `.keras` file, 64 hex digits.
        pixels: What it takes.
        threshold: From which probability on, before calibration, a patch counts as tumour, 0..1.
        calibrator: From its probabilities to calibrated ones.
        metrics: What it reached on the held-out test.
    """

    name: str
    architecture: str
    parameters: int
    hyperparameters: dict[str, Any]
    form: Form = "single"
    averaged_with: tuple[str, ...] = ()
    views: Views = 1
    recipe: dict[str, Any]
    package: str
    code: dict[str, str]
    versions: dict[str, str]
    data_key: str
    split_key: str
    hold_out: int | None
    sha256: str
    pixels: PixelContract
    threshold: float = Field(ge=0, le=1)
    calibrator: Calibrator
    metrics: Metrics


def description_beside(model: Path) -> Path:
    """Return where the description of a `.keras` file lies: beside it, ending in `.json`."""
    return model.with_suffix(".json")


def read_model_description(model: Path) -> ModelDescription:
    """Read the description beside a `.keras` file.

    Raises:
        InputError: There is none, it is faulty, or it describes another file.
    """
    path = description_beside(model)
    put = f"Put the {DESCRIPTION} of its own run beside it, as {path.name}."
    try:
        description = ModelDescription.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(f"Nothing describes {model}: there is no {path.name}.", put) from error
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} cannot be read ({error}).", put) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the whole"
        raise InputError(f"{path} describes no model ({place}: {first['msg']}).", put) from error
    if sha256_of(model) != description.sha256:
        raise InputError(f"{path} describes another file than {model}.", put)
    return description
