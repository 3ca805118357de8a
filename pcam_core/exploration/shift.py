"""How much two samples differ: training patches and those to be predicted."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

FEWEST = 20
"""Rows on each side below which nothing is learned."""
MOST = 20_000
"""Rows of each side that are learned from; more would not sharpen the second digit."""
_FOLDS = 5


def shift(one: pd.DataFrame, other: pd.DataFrame, seed: int) -> dict[str, Any]:
    """Measure how far two tables of equal columns lie apart.

    Args:
        one: A row a patch, finite numbers.
        other: The same columns.
        seed: Of the folds.

    Returns:
        "columns": by name, "distance", see `largest_gap`, and "steps", the difference of the
        means in standard deviations of both, above 0 where `other` is larger; and "auc" with
        "error", see `telling_apart`.
    """
    columns = {
        name: {
            "distance": largest_gap(one[name].to_numpy(float), other[name].to_numpy(float)),
            "steps": _steps(one[name].to_numpy(float), other[name].to_numpy(float)),
        }
        for name in one.columns
    }
    auc, error = telling_apart(one.to_numpy(float), other.to_numpy(float), seed)
    return {"columns": columns, "auc": auc, "error": error}


def largest_gap(one: Floats, other: Floats) -> float:
    """Return the distance of Kolmogorov and Smirnov, the largest gap between cumulated shares.

    Returns:
        0 for equal distributions to 1 for values that do not overlap; to four digits.
    """
    places = np.concatenate([one, other])
    shares = [
        np.searchsorted(np.sort(values), places, side="right") / len(values)
        for values in (one, other)
    ]
    return round(float(np.abs(shares[0] - shares[1]).max()), 4)


def telling_apart(one: Floats, other: Floats, seed: int) -> tuple[float | None, float | None]:
    """Return the AUC with which a quadratic classifier tells rows of `one` from those of `other`.

    Each row is scored by a classifier that has not seen it: .5 means that they look the same.
    Quadratic, so that it sees differences of spread too.

    Args:
        one: (n, columns), finite.
        other: (m, columns), finite.
        seed: Of the folds, and of the choice of 20,000 rows where a side has more.

    Returns:
        The AUC and its standard error, to four digits; None with fewer than 20 rows on a side.
        The error is that of Hanley and McNeil, "The meaning and use of the area under a
        receiver operating characteristic (ROC) curve", 1982; it takes rows for independent.
    """
    if min(len(one), len(other)) < FEWEST:
        return None, None
    if not np.ptp(np.concatenate([one, other]), axis=0).any():
        return 0.5, round(_error(0.5, len(one), len(other)), 4)
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    rng = np.random.default_rng(seed)
    one, other = (
        rng.choice(rows, MOST, replace=False) if len(rows) > MOST else rows for rows in (one, other)
    )
    rows = np.concatenate([one, other])
    side = np.repeat([0, 1], [len(one), len(other)])
    found = cross_val_predict(
        make_pipeline(
            StandardScaler(),
            PolynomialFeatures(include_bias=False),
            LogisticRegression(class_weight="balanced", solver="newton-cholesky"),
        ),
        rows,
        side,
        cv=StratifiedKFold(_FOLDS, shuffle=True, random_state=seed),
        method="decision_function",
    )
    auc = float(roc_auc_score(side, found))
    return round(auc, 4), round(_error(auc, len(one), len(other)), 4)


def _error(auc: float, n: int, m: int) -> float:
    twice_one, twice_other = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (m - 1) * (twice_one - auc**2) + (n - 1) * (twice_other - auc**2)
    return float(np.sqrt(spread / (n * m)))


def _steps(one: Floats, other: Floats) -> float:
    deviation = float(np.sqrt((one.var() + other.var()) / 2))
    return round(float(other.mean() - one.mean()) / deviation, 4) if deviation else 0.0
