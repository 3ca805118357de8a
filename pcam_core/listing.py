"""Naming many items in one message."""

from collections.abc import Collection


def listing(items: Collection[object], limit: int = 20) -> str:
    """Return the items joined by commas; beyond `limit` only their number is told."""
    shown = ", ".join(str(item) for item in list(items)[:limit])
    more = len(items) - limit
    return f"{shown} and {more:,} more" if more > 0 else shown
