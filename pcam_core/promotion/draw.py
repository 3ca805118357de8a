"""Drawing the next version of the hold-out."""

from collections.abc import Sequence, Set

import numpy as np
import pandas as pd

from pcam_core.promotion.related import related


def next_hold_out(
    table: pd.DataFrame,
    pairs: pd.DataFrame,
    held_out: Set[str],
    trainable: Set[str],
    share: float,
    seed: Sequence[int],
) -> set[str]:
    """Return the ids of the next version.

    What was held out stays so. What joins a group of it joins the hold-out, unless it may have
    been trained on. Of the new groups, those with no patch that was there before or shares pixels
    with one, `share` is added: whole groups, drawn systematically along their share of positive
    patches, so that the labels keep their balance (Cochran, "Sampling Techniques", 1977, chapter
    8). New groups of a published split are not drawn: its test part is added.

    Args:
        table: Columns id, label (0 or 1), group and published (role or ""), of the patches in
            use, in any order.
        pairs: Columns first and second: their ids, where two share pixels.
        held_out: Ids of the version before; may hold others than the table.
        trainable: The other ids that were there then.
        share: Of the new groups, 0 to 1; one more or less than that many is never missed.
        seed: Of the draw; another one for each version, or deliveries of a few groups would
            always be drawn alike, and perhaps never.
    """
    table = table.sort_values("id")
    known = table["id"].isin(held_out | trainable)
    ours = table["group"].isin(set(table.loc[table["id"].isin(held_out), "group"]))
    told = table["id"].isin(related(held_out | trainable, table, pairs))
    before = told.groupby(table["group"]).transform("any")
    new = table[~before]
    roles = new["published"] != ""
    drawable = new[~roles.groupby(new["group"]).transform("any")]
    tested = set(new.loc[new["published"] == "test", "group"])
    added = tested | _drawn(drawable, share, seed)
    joined = (ours & ~known) | table["group"].isin(added)
    return set(held_out) | set(table.loc[joined, "id"])


def _drawn(table: pd.DataFrame, share: float, seed: Sequence[int]) -> set[str]:
    positive = table.groupby("group")["label"].mean()
    rng = np.random.default_rng(seed)
    # Among groups alike chance decides: a stable sort keeps the shuffled order.
    ordered = positive.iloc[rng.permutation(len(positive))].sort_values(kind="stable")
    steps = np.floor(np.arange(len(ordered) + 1) * share + rng.random())
    return set(ordered.index[np.diff(steps) > 0])
