"""From when on a difference from the training patches counts."""

from typing import Self

from pydantic import Field, model_validator

from pcam_core.errors import InputError
from pcam_core.section import Section


class DriftSettings(Section):
    """What makes a batch a warning, and what keeps it from being published.

    Raises:
        InputError: A batch would be stopped before it is a warning.
    """

    warn: float = Field(
        0.25,
        gt=0,
        allow_inf_nan=False,
        description="Population stability index from which on a distribution is reported as"
        " shifted; .25 is the usual limit of a major shift.",
    )
    stop: float = Field(
        2.0,
        gt=0,
        allow_inf_nan=False,
        description="Index from which on nothing of the batch is published, of appearance and"
        " embedding excepted; 2 is about a shift by one and a half standard deviations.",
    )
    warn_unlike: float = Field(
        0.05,
        gt=0,
        le=1,
        description="Share of patches without a prediction, because they are unlike anything"
        " seen, above which it is reported; of patches like those of the training it is .002.",
    )
    stop_unlike: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Share of such patches above which nothing of the batch is published.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        for stop, warn in ((self.stop, self.warn), (self.stop_unlike, self.warn_unlike)):
            if stop < warn:
                raise InputError(
                    f"Drift would stop at {stop} before it warns at {warn}.",
                    "Give a limit to stop at that is not below the one to warn at.",
                )
        return self
