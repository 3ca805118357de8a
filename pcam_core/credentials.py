"""Addresses as they may be shown."""

import re


def without_credentials(text: str) -> str:
    """Return a text with "user:password@" taken out of the addresses in it."""
    return re.sub(r"(?<=://)[^/\s]*@", "", text)
