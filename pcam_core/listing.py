"""Naming many items in one message."""

from collections.abc import Collection, Sized

SHOWN = 20


def count(items: Sized, noun: str) -> str:
    """Return how many items there are, as "1 file" or "3,000 files"."""
    return f"{len(items):,} {noun}{'' if len(items) == 1 else 's'}"


def listing(items: Collection[object], limit: int = SHOWN) -> str:
    """Return the items joined by commas; beyond `limit` only their number is told."""
    shown = ", ".join(str(item) for item in list(items)[:limit])
    more = len(items) - limit
    return f"{shown} and {more:,} more" if more > 0 else shown
