"""How unsure a probability is."""

import numpy as np

from pcam_core.measures import Probabilities


def entropy(probabilities: Probabilities) -> Probabilities:
    """Return the entropy of each yes-or-no answer, bits: 0 where it is sure, 1 at .5."""
    from scipy.special import entr

    found: Probabilities = (entr(probabilities) + entr(1 - probabilities)) / np.log(2)
    return found
