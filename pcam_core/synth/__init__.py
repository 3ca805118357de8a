"""Generated H&E-like patches with PCam's label rule, to try everything without real data."""

from pcam_core.synth.dataset import VERSION, generate, patch_id, write_dataset
from pcam_core.synth.label import label_of
from pcam_core.synth.patch import Patch, draw_patch
from pcam_core.synth.slide import Slide, draw_slide

__all__ = [
    "VERSION",
    "Patch",
    "Slide",
    "draw_patch",
    "draw_slide",
    "generate",
    "label_of",
    "patch_id",
    "write_dataset",
]
