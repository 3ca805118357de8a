"""Settings of the decision."""

from typing import Literal, Self

from pydantic import Field, model_validator

from pcam_core.errors import InputError
from pcam_core.section import Section


class DecisionSettings(Section):
    """From which probability on a patch counts as tumour, and how probabilities are calibrated.

    Raises:
        InputError: A rule lacks its number, or a number has no rule that reads it.
    """

    threshold: Literal["f1", "youden", "sensitivity", "specificity", "cost"] = Field(
        "f1",
        description="What the threshold is chosen by: the highest 'f1'; the highest sum of"
        " sensitivity and specificity ('youden'); a wanted 'sensitivity' or 'specificity' (see"
        " target); the lowest 'cost' (see miss_cost).",
    )
    target: float | None = Field(
        None,
        gt=0,
        le=1,
        description="Sensitivity or specificity to keep (0 to 1), where threshold is one of them.",
    )
    miss_cost: float | None = Field(
        None,
        gt=0,
        allow_inf_nan=False,
        description="What a missed tumour patch costs, in false alarms, where threshold is 'cost'.",
    )
    calibration: Literal["temperature", "isotonic", "none"] = Field(
        "temperature",
        description="How probabilities are made to mean frequencies: 'temperature' divides their"
        " logits by one number, 'isotonic' fits a rising step curve (wants thousands of patches).",
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        readers = {"target": ("sensitivity", "specificity"), "miss_cost": ("cost",)}
        for field, rules in readers.items():
            value = getattr(self, field)
            if self.threshold in rules and value is None:
                raise InputError(
                    f"decision.threshold = {self.threshold!r} needs decision.{field}.",
                    f"Set it, as in --set decision.{field}={0.95 if field == 'target' else 5}.",
                )
            if self.threshold not in rules and value is not None:
                raise InputError(
                    f"decision.{field} = {value} has no effect, because decision.threshold is"
                    f" {self.threshold!r}.",
                    f"Leave it out, or set decision.threshold to {' or '.join(map(repr, rules))}.",
                )
        return self
