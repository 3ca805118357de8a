"""Lowering the learning rate when validation stalls."""

from dataclasses import dataclass
from typing import Literal

_LEAST_GAIN = 1e-4  # that of Keras' ReduceLROnPlateau, as in the source document


@dataclass
class Plateau:
    """Counts the epochs without a gain and then lowers the rate.

    Attributes:
        mode: Whether the watched figure should fall ("min") or rise ("max").
        patience: Epochs without a gain before the rate is lowered.
        factor: On the rate.
        least: Rate below which it is not lowered.
        best: The figure that has to be bettered by .0001; None before the first epoch.
        waited: Epochs since, or since the rate was lowered.
    """

    mode: Literal["min", "max"]
    patience: int
    factor: float
    least: float
    best: float | None = None
    waited: int = 0

    def rate(self, figure: float, rate: float) -> float:
        """Take in an epoch's figure and return the learning rate of the next one."""
        sign = 1 if self.mode == "max" else -1
        if self.best is None or sign * (figure - self.best) > _LEAST_GAIN:
            self.best, self.waited = figure, 0
            return rate
        self.waited += 1
        if self.waited < self.patience or rate <= self.least:
            return rate
        self.waited = 0
        return max(rate * self.factor, self.least)
