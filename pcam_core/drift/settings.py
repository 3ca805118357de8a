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
        description="Index from which on nothing of the batch is published; 2 is about a shift by"
        " one and a half standard deviations.",
    )
    stop_unlike: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Share of patches without a prediction, because they are unlike anything"
        " seen, from which on nothing of the batch is published.",
    )

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.stop < self.warn:
            raise InputError(
                f"Drift would stop at {self.stop} before it warns at {self.warn}.",
                "Give a limit to stop at that is not below the one to warn at.",
            )
        return self
