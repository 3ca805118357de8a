"""What is measured of the pixels of a patch."""

import numpy as np
import pandas as pd

from pcam_core.exploration.levels import LEVELS, level_counts
from pcam_core.exploration.optical_density import mean_density, stain_amounts
from pcam_core.patches import Pixels


def pixel_measures(batch: Pixels) -> pd.DataFrame:
    """Measure raw patches as the stage `explore` does.

    Args:
        batch: uint8 (n, 96, 96, 3), RGB, 0..255.

    Returns:
        Columns brightness, the mean level, 0..255; haematoxylin and eosin, mean optical densities.
    """
    counts = level_counts(batch)
    stains = stain_amounts(mean_density(counts))
    levels = counts.sum(axis=1) @ np.arange(LEVELS) / counts.sum(axis=(1, 2))
    return pd.DataFrame({"brightness": levels, "haematoxylin": stains[:, 0], "eosin": stains[:, 1]})
