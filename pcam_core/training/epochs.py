"""The figures of every finished epoch, told to whoever listens."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(frozen=True)
class EpochEnd:
    """What an epoch came to.

    Attributes:
        what: The training, for people ("Compare resnet50, fold 1 of 3").
        epoch: Its number, from 1.
        figures: learning_rate, and loss, accuracy, auc, precision, recall, f1 with their val_
            twins.
    """

    what: str
    epoch: int
    figures: Mapping[str, float]


Listener = Callable[[EpochEnd], None]
_listeners: ContextVar[tuple[Listener, ...]] = ContextVar("epoch_listeners", default=())


@contextmanager
def listening_to_epochs(listener: Listener) -> Iterator[None]:
    """Send every epoch that ends inside the block to `listener` too.

    A training that goes on after a stop tells only of the epochs that it ends itself.
    """
    token = _listeners.set((*_listeners.get(), listener))
    try:
        yield
    finally:
        _listeners.reset(token)


def tell(ended: EpochEnd) -> None:
    """Tell all listeners of an epoch."""
    for listener in _listeners.get():
        listener(ended)
