"""Bytes and seconds for people."""


def megabytes(count: int) -> str:
    """Return a number of bytes for people, in MB or GB."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{max(count / 1e6, 1):.0f} MB"


def duration(seconds: float) -> str:
    """Return seconds as a short text.

    Example:
        >>> duration(0.42), duration(75), duration(3725)
        ('0.4 s', '1 min 15 s', '1 h 2 min')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
