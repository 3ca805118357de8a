"""Patches that share pixels, found from the pixels alone."""

from pcam_core.overlap.copies import TRANSFORMS, transformed
from pcam_core.overlap.find import find_overlaps
from pcam_core.overlap.groups import overlap_groups
from pcam_core.overlap.windows import CERTAIN

__all__ = ["CERTAIN", "TRANSFORMS", "find_overlaps", "overlap_groups", "transformed"]
