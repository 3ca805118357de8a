"""The population stability index of a sample."""

import numpy as np
import numpy.typing as npt

_BINS = 10
_SURE = 0.999


def stability_index(quantiles: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> float:
    """Return how far a sample's distribution is from that of a reference.

    The population stability index, the sum of (p - q) ln(p / q) over ten bins that hold equal
    shares of the reference, as Siddiqi, "Credit Risk Scorecards", 2006, uses it: below .1 no
    change, from .25 on a major one. Bins count half a value too many, so that none is empty.

    Args:
        quantiles: Of the reference, (1001,), rising, at shares 0, .001, ... 1.
        values: (n,), n at least 1.

    Returns:
        0 or more.
    """
    step = (len(quantiles) - 1) // _BINS
    edges = np.unique(quantiles[step:-1:step])
    wanted, found = (
        np.bincount(np.searchsorted(edges, of, side="right"), minlength=len(edges) + 1) + 0.5
        for of in (quantiles, values)
    )
    p, q = found / found.sum(), wanted / wanted.sum()
    return float(((p - q) * np.log(p / q)).sum())


def by_chance(reference: int, sample: int) -> float:
    """Return the index that samples of the same distribution stay below in 999 of 1,000 cases.

    It is about chi-squared over the numbers of patches (Yurdakul and Naranjo, "Statistical
    properties of the population stability index", 2020), which takes patches for independent.

    Args:
        reference: Patches of the reference, at least 1.
        sample: Patches of the sample, at least 1.
    """
    from scipy.stats import chi2

    return float(chi2.ppf(_SURE, _BINS - 1) * (1 / reference + 1 / sample))
