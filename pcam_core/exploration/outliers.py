"""Which patches lie far from the others."""

import numpy as np
import numpy.typing as npt


def fences(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return between which values nothing is an outlier: one and a half boxes around the box.

    The box is the middle half. After Tukey, "Exploratory Data Analysis", 1977.

    Args:
        values: Any finite ones, at least one.
    """
    low, high = np.quantile(values, (0.25, 0.75))
    reach = 1.5 * (high - low)
    return float(low - reach), float(high + reach)
