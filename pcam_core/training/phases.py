"""The schedule of fine-tuning: the head first, then chosen blocks at a lower rate."""

from dataclasses import dataclass

import keras

from pcam_core.models.fine_tuning import train_blocks, train_head_only
from pcam_core.models.settings import Blocks
from pcam_core.training.settings import TrainingSettings


@dataclass(frozen=True)
class Phase:
    """A part of a training with an optimizer of its own.

    Attributes:
        start: Its first epoch, from 0.
        end: The epoch after its last.
        rate: Highest learning rate.
        head_only: Whether the backbone keeps its weights.
    """

    start: int
    end: int
    rate: float
    head_only: bool


def phases(
    network: keras.Model,
    settings: TrainingSettings,
    blocks: Blocks,
    rate: float,
    epochs: int,
) -> list[Phase]:
    """Return the phases of a training, in order.

    There is one if both would train the same weights: no epochs for the head alone, no backbone,
    or one that stays frozen.

    Args:
        network: Freshly built.
        settings: Epochs of the head and the factor on the rate afterwards.
        blocks: How many of the backbone's last blocks are trained afterwards.
        rate: Highest learning rate of the first phase.
        epochs: Of the whole training.
    """
    train_head_only(network)
    head = len(network.trainable_variables)
    train_blocks(network, blocks)
    if not settings.head_epochs or len(network.trainable_variables) == head:
        return [Phase(0, epochs, rate, head_only=False)]
    turn = min(settings.head_epochs, epochs)
    first = Phase(0, turn, rate, head_only=True)
    second = Phase(turn, epochs, rate * settings.fine_tune_factor, head_only=False)
    return [first, second] if turn < epochs else [first]


def enter(phase: Phase, network: keras.Model, blocks: Blocks) -> None:
    """Set which weights a phase trains; the network has to be compiled afterwards."""
    if phase.head_only:
        train_head_only(network)
    else:
        train_blocks(network, blocks)
