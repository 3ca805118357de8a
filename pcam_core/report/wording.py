"""Numbers in words."""


def patches(number: float) -> str:
    """Return a number of patches: "1 patch", "1,200 patches", "87.5 patches"."""
    digits = 0 if number == int(number) else 1
    return "1 patch" if number == 1 else f"{number:,.{digits}f} patches"
