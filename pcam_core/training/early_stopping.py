"""Stopping when validation gets no better."""

from dataclasses import dataclass
from typing import Literal


@dataclass
class EarlyStopping:
    """Remembers the best figure and counts the epochs since.

    Attributes:
        mode: Whether the figure should fall ("min") or rise ("max").
        patience: Epochs without a better figure before a stop.
        best: The best figure so far; None before the first epoch.
        waited: Epochs since.
    """

    mode: Literal["min", "max"]
    patience: int
    best: float | None = None
    waited: int = 0

    def is_better(self, figure: float) -> bool:
        """Take in an epoch's figure, and return whether it is the best so far."""
        sign = 1 if self.mode == "max" else -1
        better = self.best is None or sign * figure > sign * self.best
        self.best, self.waited = (figure, 0) if better else (self.best, self.waited + 1)
        return better

    @property
    def stopped(self) -> bool:
        """Whether patience is used up."""
        return self.waited >= self.patience
