"""Batches that drift has kept from being published."""

from collections.abc import Sequence
from dataclasses import dataclass

from pcam_core.errors import InputError
from pcam_core.listing import listing


@dataclass(frozen=True)
class Stopped:
    """One batch.

    Attributes:
        ids: Of its patches, in order.
        reasons: Why, in words.
        page: Address of its drift report.
    """

    ids: Sequence[str]
    reasons: tuple[str, ...]
    page: str


def too_unlike(source: str, stopped: Sequence[Stopped], published: int) -> InputError:
    """Tell of all batches that were stopped.

    Args:
        source: Where the patches lie.
        stopped: At least one.
        published: How many other patches were.
    """
    pages = [each.page for each in stopped]
    told = [f"{each.ids[0]} to {each.ids[-1]}: {', '.join(each.reasons)}" for each in stopped]
    others = f" {published:,} others were published." if published else ""
    return InputError(
        f"Nothing of {sum(len(each.ids) for each in stopped):,} new patches at {source} was"
        f" published: they are too unlike the training patches ({listing(told)}).{others}",
        f"Look at {listing(pages)}. If the patches are as they should be, raise --drift-stop or"
        " --unlike-stop, or train on such patches.",
        pages,
    )
