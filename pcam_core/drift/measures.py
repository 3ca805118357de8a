"""What is measured of the pixels of a patch."""

import numpy as np
import pandas as pd

from pcam_core.exploration.edges import edge_strength
from pcam_core.exploration.levels import LEVELS, level_counts
from pcam_core.exploration.optical_density import mean_density, stain_amounts
from pcam_core.patches import Pixels

LOOKS = ("mean_r", "mean_g", "mean_b", "haematoxylin", "eosin", "edges")
"""By these together a patch looks usual or not; see `Neighbours`."""


def pixel_measures(batch: Pixels) -> pd.DataFrame:
    """Measure raw patches as the stages `gate` and `explore` do.

    Args:
        batch: uint8 (n, 96, 96, 3), RGB, 0..255.

    Returns:
        Columns mean_r, mean_g and mean_b, the mean level of each channel, and brightness, that of
        all, 0..255; haematoxylin and eosin, mean optical densities; edges, see `edge_strength`.
    """
    counts = level_counts(batch)
    stains = stain_amounts(mean_density(counts))
    means = counts @ np.arange(LEVELS) / counts.sum(axis=-1)
    columns = [*means.T, means.mean(axis=1), *stains.T, edge_strength(batch)]
    names = ["mean_r", "mean_g", "mean_b", "brightness", "haematoxylin", "eosin", "edges"]
    return pd.DataFrame(dict(zip(names, columns, strict=True)))
