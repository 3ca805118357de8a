"""Which augmentation is used."""

from typing import Literal

from pydantic import Field

from pcam_core.section import Section


class AugmentSettings(Section):
    """Random changes of the training patches."""

    policy: Literal["none", "notebook", "tissue"] = Field(
        "notebook",
        description="'notebook': rotation, shift, zoom, flips, brightness and channel shift of"
        " the enlarged image; 'tissue': quarter turns, flips and stain jitter of the stored"
        " patch; 'none'.",
    )

    @property
    def on_enlarged(self) -> bool:
        """Whether patches are enlarged before they are changed, as in the source document."""
        return self.policy == "notebook"
