"""How usual an embedding is."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

_MOST_DIRECTIONS = 32
_ROWS_A_DIRECTION = 8
_LEAST_VARIANCE = 1e-8


@dataclass(frozen=True)
class Gaussian:
    """A normal distribution of features that is wide in a few directions and round in the others.

    That is probabilistic principal component analysis (Tipping and Bishop, "Probabilistic
    principal component analysis", 1999). The distance in it is that of Lee et al., "A simple
    unified framework for detecting out-of-distribution samples and adversarial attacks", 2018
    (arXiv:1807.03888), with one class in place of several; storing few directions keeps it small.

    Attributes:
        mean: (features,).
        directions: (k, features), at right angles, of length 1.
        variances: (k,), along the directions, above 0.
        noise: Variance in every other direction, above 0.
    """

    mean: Floats
    directions: Floats
    variances: Floats
    noise: float

    def distance(self, features: Floats) -> npt.NDArray[np.float64]:
        """Return Mahalanobis' distance over the root of the number of features.

        Args:
            features: (n, features).

        Returns:
            float64 (n,), 0 or more, about 1 for what the distribution was fitted to.
        """
        centred = features.astype(np.float64) - self.mean
        # Not `@`: the threads of BLAS spin on for a while, on cores that the network wants back.
        along = np.einsum("nf,kf->nk", centred, self.directions.astype(np.float64))
        rest = np.maximum((centred**2).sum(axis=1) - (along**2).sum(axis=1), 0)
        squared = (along**2 / self.variances).sum(axis=1) + rest / self.noise
        distances: npt.NDArray[np.float64] = np.sqrt(squared / len(self.mean))
        return distances


def fit_gaussian(features: Floats) -> Gaussian:
    """Fit a distribution.

    Args:
        features: (n, features), at least two rows, finite.
    """
    from sklearn.decomposition import PCA

    rows, width = features.shape
    most = min(rows // _ROWS_A_DIRECTION, width - 1, _MOST_DIRECTIONS)
    # Features that never vary have no share in the variance, which nobody asks for.
    with np.errstate(invalid="ignore"):
        found = PCA(max(most, 1), svd_solver="randomized", random_state=0).fit(features)
    return Gaussian(
        mean=found.mean_.astype(np.float32),
        directions=found.components_.astype(np.float32),
        variances=np.maximum(found.explained_variance_, _LEAST_VARIANCE).astype(np.float32),
        noise=max(float(found.noise_variance_), _LEAST_VARIANCE),
    )
