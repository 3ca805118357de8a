"""Finding patches whose colours are far from the rest."""

import numpy as np
import numpy.typing as npt
import pandas as pd

LIMIT = 5.0
"""Robust deviations beyond which a patch stands out.

Iglewicz and Hoaglin (1993) propose 3.5 for normal data. Stained tissue has heavier tails: of 5,000
real patches 151 lie beyond 3.5 in one of the features here, and 3 beyond 5.
"""

_NORMAL = 1.4826  # from the median absolute deviation to the deviation of normal data
_FLOOR = 8.0  # levels: where all patches are alike, small differences mean nothing


def deviations(properties: pd.DataFrame) -> tuple[npt.NDArray[np.float64], "pd.Series[str]"]:
    """Return how far each patch is from the median patch, in the feature where it is farthest.

    The features are each channel's mean and deviation, which tell brightness and contrast, and the
    differences of the channels' means, which tell hue.

    Args:
        properties: At least the columns mean_r to std_b, of patches that could be read.

    Returns:
        Robust deviations, (x - median) / (1.4826 MAD), float64 (n,), and for each patch a few
        words: the feature, its value and the median.
    """
    red, green, blue = (properties[f"mean_{channel}"].astype(float) for channel in "rgb")
    features = pd.DataFrame(
        {"mean red": red, "mean green": green, "mean blue": blue}
        | {
            f"deviation of {name}": properties[f"std_{name[0]}"].astype(float)
            for name in ("red", "green", "blue")
        }
        | {"red minus green": red - green, "blue minus green": blue - green}
        | {"red minus blue": red - blue}
    )
    median = features.median()
    scale = (_NORMAL * (features - median).abs().median()).clip(lower=_FLOOR)
    distance = ((features - median) / scale).abs()
    farthest = distance.to_numpy().argmax(axis=1)
    rows = np.arange(len(features))
    values, names = features.to_numpy()[rows, farthest], features.columns.to_numpy()[farthest]
    medians = median.to_numpy()[farthest]
    words = [
        f"{name} {value:.0f}, usually {usual:.0f}"
        for name, value, usual in zip(names, values, medians, strict=True)
    ]
    return distance.to_numpy()[rows, farthest], pd.Series(words, properties.index, dtype=str)
