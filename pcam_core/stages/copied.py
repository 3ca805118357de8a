"""Equal patches on both sides of the held-out test."""

from pcam_core.artifact import Artifact
from pcam_core.stages.gate import read_properties
from pcam_core.stages.split import UNUSED, read_splits


def copied_into_test(splits: Artifact, gate: Artifact) -> int:
    """Return how many patches of the test part have an exact copy among the others in use.

    There are none unless the map of slides is wrong, or the copies lie on different slides.
    Patches of one colour are equal without being copies, and do not count.
    """
    table = read_splits(splits)
    telling = read_properties(gate, "train").query("spread > 0")[["id", "hash"]]
    used = table[table["role"] != UNUSED].merge(telling, on="id")
    tested = used["role"] == "test"
    return int(used.loc[tested, "hash"].isin(set(used.loc[~tested, "hash"])).sum())
