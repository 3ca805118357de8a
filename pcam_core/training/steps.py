"""Single training steps, compiled, on the backend at hand."""

import logging
from typing import Any, Protocol

import keras
from keras import ops

from pcam_core.precision import xla_used
from pcam_core.training.out_of_memory import is_out_of_memory

logger = logging.getLogger(__name__)


class Steps(Protocol):
    """Trains a compiled network batch by batch; its metrics add up until they are reset."""

    plain: bool
    """Whether XLA refused the graph, which is run without it."""

    def __call__(self, images: Any, labels: Any, weights: Any) -> None:
        """Take one step.

        Args:
            images: float32 (n, side, side, 3), 0..255.
            labels: float32 (n, 1), 0 or 1.
            weights: float32 (n,), of each patch in the loss.
        """

    def settle(self) -> None:
        """Put what was learned where the network's variables can be read."""


def make_steps(network: keras.Model, strategy: Any | None) -> Steps:
    """Return the steps of a compiled network.

    Args:
        network: Compiled by `compile_network`, inside the strategy's scope if there is one.
        strategy: TensorFlow's way of using several GPUs.
    """
    if keras.config.backend() == "jax":
        return _JaxSteps(network)
    return _TensorFlowSteps(network, strategy)


class _TensorFlowSteps:
    def __init__(self, network: keras.Model, strategy: Any | None) -> None:
        self.network = network
        self.strategy = strategy
        self.plain = False
        # Gradients that travel between GPUs do not compile.
        self._xla = xla_used() and strategy is None
        self._tried = False
        self._step = self._compiled(self._xla)

    def __call__(self, images: Any, labels: Any, weights: Any) -> None:
        batch = tuple(ops.convert_to_tensor(part) for part in (images, labels, weights))
        try:
            self._step(*batch)
        except Exception as error:
            if self._tried or not self._xla or is_out_of_memory(error):
                raise
            logger.warning(
                "XLA does not take %s; it is trained without: %s",
                self.network.name,
                str(error).splitlines()[0],
            )
            self._step = self._compiled(xla=False)
            self._step(*batch)
            self.plain = True
        self._tried = True

    def settle(self) -> None:
        """Do nothing: TensorFlow trains the variables themselves."""

    def _compiled(self, xla: bool) -> Any:
        import tensorflow as tf

        # Any number of patches, so that an epoch's last batch is not traced anew.
        patch = tf.TensorSpec((None, *self.network.input_shape[1:]), tf.float32)
        label, weight = tf.TensorSpec((None, 1), tf.float32), tf.TensorSpec((None,), tf.float32)

        def step(*batch: Any) -> None:
            if self.strategy:
                self.strategy.run(lambda: self.network.train_step(self._share(*batch)))
            else:
                self.network.train_step(batch)

        signature = (patch, label, weight)
        return tf.function(step, input_signature=signature, autograph=False, jit_compile=xla)

    def _share(self, images: Any, labels: Any, weights: Any) -> tuple[Any, Any, Any]:
        """Return this GPU's patches, weighted so that the GPUs' mean loss is the batch's.

        Where there are fewer patches than GPUs, patches are shared out more than once: an
        empty share would have no mean.
        """
        import tensorflow as tf

        context = tf.distribute.get_replica_context()
        sharers, own = context.num_replicas_in_sync, context.replica_id_in_sync_group
        patches = tf.shape(labels)[0]
        places = tf.maximum(patches, sharers)
        rows = tf.range(own, places, sharers) % patches
        copies = places // patches + tf.cast(rows < places % patches, tf.int32)
        factor = sharers * tf.shape(rows)[0] / (patches * copies)
        share = tf.gather(weights, rows) * tf.cast(factor, tf.float32)
        return tf.gather(images, rows), tf.gather(labels, rows), share


class _JaxSteps:
    plain = False

    def __init__(self, network: keras.Model) -> None:
        import jax

        self.network = network
        self._step = jax.jit(network.train_step, donate_argnums=0)
        self._state: Any = None

    def __call__(self, images: Any, labels: Any, weights: Any) -> None:
        if self._state is None:
            self._state = tuple([v.value for v in group] for group in self._variables())
        _, self._state = self._step(self._state, (images, labels, weights))

    def settle(self) -> None:
        if self._state is None:
            return
        for group, values in zip(self._variables(), self._state, strict=True):
            for variable, value in zip(group, values, strict=True):
                variable.assign(value)
        self._state = None

    def _variables(self) -> tuple[list[Any], ...]:
        """In the order in which Keras' `train_step` under JAX takes and gives them."""
        network = self.network
        return (
            network.trainable_variables,
            network.non_trainable_variables,
            network.optimizer.variables,
            network.metrics_variables,
        )
