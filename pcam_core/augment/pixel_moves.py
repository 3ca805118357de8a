"""Pixels taken from other places, unchanged."""

from typing import Any


def moved(images: Any, rows: Any, columns: Any, *, xp: Any) -> Any:
    """Return images whose pixels come from given rows and columns.

    Args:
        images: (n, side, side, 3).
        rows: Integers that broadcast to (n, side, side), 0 to side - 1.
        columns: The same.
        xp: `numpy` or `keras.ops`, whichever the images belong to.

    Returns:
        Images of the same shape and type.
    """
    count, side = images.shape[:2]
    first = xp.reshape(xp.arange(count, dtype="int32") * side, (count, 1, 1))
    pixels = xp.reshape(images, (count * side * side, 3))
    return xp.take(pixels, (first + rows) * side + columns, axis=0)
