"""The optimizer: Adam, with decoupled weight decay and averaged weights where asked for."""

from typing import Any

import keras
from keras import ops

from pcam_core.training.settings import TrainingSettings

_NOT_DECAYED = ["bias", "gamma", "beta"]


class Adam(keras.optimizers.Adam):
    """Keras' Adam whose average of the weights forgets their start.

    The momentum of the average grows as (1 + steps) / (10 + steps) up to `ema_momentum`: with a
    fixed one, a short training would be judged by weights near its random start.
    """

    @property
    def ema_momentum(self) -> Any:
        """Momentum of the next step's average, a float tensor, 0..1."""
        steps = ops.cast(self.iterations, "float32")
        return ops.minimum(self._highest_momentum, (1 + steps) / (10 + steps))

    @ema_momentum.setter
    def ema_momentum(self, momentum: float) -> None:
        self._highest_momentum = momentum


def make_optimizer(settings: TrainingSettings, rate: float, steps: int, devices: int = 1) -> Adam:
    """Return an unbuilt optimizer (Kingma and Ba 2014, arXiv:1412.6980).

    With `optimizer="adamw"` weights decay apart from the gradient (Loshchilov and Hutter 2017,
    arXiv:1711.05101).

    Args:
        settings: Kind, decay, clipping, average, schedule.
        rate: Highest learning rate.
        steps: Steps over which the cosine schedule goes to zero.
        devices: Replicas; each clips its own share of the gradient.
    """
    schedule: Any = rate
    if settings.schedule == "cosine":
        warm_up = max(steps // 20, 1)
        schedule = keras.optimizers.schedules.CosineDecay(
            0.0, max(steps - warm_up, 1), warmup_target=rate, warmup_steps=warm_up
        )
    decoupled = settings.optimizer == "adamw"
    optimizer = Adam(
        schedule,
        weight_decay=settings.weight_decay if decoupled else None,
        global_clipnorm=settings.clip_norm / devices if settings.clip_norm else None,
        use_ema=settings.ema is not None,
        ema_momentum=settings.ema or 0.0,
    )
    if decoupled:
        optimizer.exclude_from_weight_decay(var_names=_NOT_DECAYED)
    return optimizer
