"""Which patches tell of one another: of one slide or place, or with shared pixels."""

from collections.abc import Set

import pandas as pd


def related(ids: Set[str], table: pd.DataFrame, pairs: pd.DataFrame) -> set[str]:
    """Return the ids of `table` that share a group or pixels with any of `ids`; those too.

    Where all slides are known they are the groups, and patches of two slides that share pixels
    (another delivery of the same tissue, a wrong map of slides) stand in `pairs` only.

    Args:
        ids: Ids; what is not in the table is related to nothing.
        table: Columns id and group.
        pairs: Columns first and second, ids of the table; see `find_overlaps`.
    """
    groups = set(table.loc[table["id"].isin(ids), "group"])
    first, second = pairs["first"].isin(ids), pairs["second"].isin(ids)
    return {
        *table.loc[table["group"].isin(groups), "id"],
        *pairs.loc[second, "first"],
        *pairs.loc[first, "second"],
    }
