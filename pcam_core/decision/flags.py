"""Why a person should look at a prediction again."""

from collections.abc import Collection

import numpy as np
import numpy.typing as npt
import pandas as pd

from pcam_core.measures import Probabilities

NEAR = "near the threshold"
UNLIKE = "unlike the training patches"

_FAR_OUT = 3.0  # boxes beyond the box, as Tukey, "Exploratory Data Analysis", 1977, calls them


def flags(
    ids: Collection[str],
    probabilities: Probabilities,
    unsure: tuple[float, float],
    suspects: pd.DataFrame,
    unlike: Collection[str],
) -> list[str]:
    """Return for each patch its flags with "; " between them, or "".

    Args:
        ids: Of the patches.
        probabilities: Their probabilities, 0..1.
        unsure: Between which probabilities another choice of the threshold would have decided
            otherwise.
        suspects: Columns id and reason: patches that the gate found suspicious.
        unlike: Ids of the patches that are unlike the training patches.
    """
    reasons = suspects.groupby("id")["reason"].agg(list).to_dict()
    low, high = unsure
    return [
        "; ".join(
            [
                *([NEAR] if low <= probability < high else []),
                *([UNLIKE] if patch_id in unlike else []),
                *reasons.get(patch_id, []),
            ]
        )
        for patch_id, probability in zip(ids, probabilities, strict=True)
    ]


def far_out(train: pd.DataFrame, other: pd.DataFrame) -> npt.NDArray[np.bool_]:
    """Return which rows of `other` lie far outside the training patches in at least one column.

    Far is more than three times the middle half of the training patches from that half.

    Args:
        train: A row a patch, finite numbers, at least one row.
        other: The same columns.
    """
    low, high = train.quantile(0.25), train.quantile(0.75)
    reach = _FAR_OUT * (high - low)
    return ((other < low - reach) | (other > high + reach)).any(axis="columns").to_numpy()
