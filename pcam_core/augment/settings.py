"""Which augmentation is used."""

from typing import Literal

from pydantic import Field

from pcam_core.section import Section


class AugmentSettings(Section):
    """Random changes of the training patches."""

    policy: Literal["none", "notebook", "tissue"] = Field(
        "notebook",
        description="'notebook': rotation, shift, zoom, flips, brightness and channel shift of"
        " the enlarged image; 'tissue': quarter turns, flips, small shifts, stain jitter, mild"
        " blur and noise of the stored patch; 'none'.",
    )
    strength: float = Field(
        1,
        ge=0,
        le=3,
        description="What all ranges of the policy are multiplied by; flips and quarter turns"
        " stay as they are.",
    )

    @property
    def on_enlarged(self) -> bool:
        """Whether patches are enlarged before they are changed, as in the source document."""
        return self.policy == "notebook"
