"""Where in the picture the pixels of a feature map lie."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Grid:
    """One axis of a square map, in pixels of the picture that the model takes.

    A map of convolutions without padding covers less than the picture: stretched over all of it,
    it would point beside what it has seen.

    Attributes:
        start: Where the centre of its first pixel lies; that of the picture's lies at 0.
        step: Distance between its pixels.
        count: How many it has.
    """

    start: float
    step: float
    count: int

    def after(self, layer: Any, count: int) -> "Grid":
        """Return the grid of what a layer makes of a map of this grid.

        Convolutions, pooling, padding and cropping are followed; whatever else changes the size is
        taken to stretch the map over the same field.

        Args:
            layer: A layer of Keras, its kernels square.
            count: Pixels a side of its output.
        """
        kind = type(layer).__name__
        if kind in ("ZeroPadding2D", "Cropping2D"):
            before = layer.padding if kind == "ZeroPadding2D" else layer.cropping
            shift = before[0][0] * (-1 if kind == "ZeroPadding2D" else 1)
            return Grid(self.start + shift * self.step, self.step, count)
        kernel = getattr(layer, "kernel_size", None) or getattr(layer, "pool_size", None)
        if isinstance(kernel, tuple):
            width = (kernel[0] - 1) * getattr(layer, "dilation_rate", (1,))[0] + 1
            stride = layer.strides[0]
            lacking = 0
            if layer.padding == "same":
                lacking = max((count - 1) * stride + width - self.count, 0)
            offset = (width - 1) / 2 - lacking // 2
            return Grid(self.start + offset * self.step, self.step * stride, count)
        step = self.step * self.count / count
        return Grid(self.start + (step - self.step) / 2, step, count)

    def spread(self, side: int) -> npt.NDArray[np.float64]:
        """Return the matrix that spreads an axis of the map over a picture of `side` pixels.

        Between the map's pixels it interpolates linearly, beyond them it repeats the outermost.

        Returns:
            float64 (side, count), whose rows sum to 1.
        """
        on_map = np.clip((np.arange(side) - self.start) / self.step, 0, self.count - 1)
        below = np.floor(on_map).astype(int)
        above = np.minimum(below + 1, self.count - 1)
        matrix = np.zeros((side, self.count))
        rows = np.arange(side)
        np.add.at(matrix, (rows, below), 1 - (on_map - below))
        np.add.at(matrix, (rows, above), on_map - below)
        return matrix
