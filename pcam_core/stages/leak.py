"""Patches that show the same place on both sides of the held-out test."""

from pcam_core.artifact import Artifact
from pcam_core.stages.groups import read_pairs
from pcam_core.stages.split import UNUSED, read_splits


def leaked_into_test(splits: Artifact, groups: Artifact) -> int:
    """Return how many patches of the test part share pixels with one that trains or chooses.

    There are none unless the map of slides is wrong, or the same tissue lies under two names: where
    slides are not known, what shares pixels is one group. Of more than 65 equal patches some may
    be missed; see `pcam_core.overlap.find_overlaps`.
    """
    roles = read_splits(splits).set_index("id")["role"]
    pairs = read_pairs(groups)[["first", "second"]]
    both_ways = [*pairs.to_numpy(), *pairs.to_numpy()[:, ::-1]]
    return len(
        {
            tested
            for tested, other in both_ways
            if roles[tested] == "test" and roles[other] not in {"test", UNUSED}
        }
    )
