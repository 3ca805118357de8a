"""Patches that show the same place on both sides of the held-out test."""

import pandas as pd

from pcam_core.artifact import Artifact
from pcam_core.stages.groups import read_pairs
from pcam_core.stages.split import ROLES, read_splits

_LEARNING = set(ROLES) - {"test"}


def leaked_into_test(splits: Artifact, groups: Artifact) -> int:
    """Return how many patches of the test part share pixels with one that trains or chooses.

    There are none unless the map of slides is wrong, or the same tissue lies under two names: where
    slides are not known, what shares pixels is one group. Of more than 65 equal patches some may
    be missed; see `pcam_core.overlap.find_overlaps`.
    """
    role = read_splits(splits).set_index("id")["role"]
    pairs = read_pairs(groups)
    first, second = pairs["first"].map(role), pairs["second"].map(role)
    leaked = (
        pairs["first"][(first == "test") & second.isin(_LEARNING)],
        pairs["second"][(second == "test") & first.isin(_LEARNING)],
    )
    return int(pd.concat(leaked).nunique())
