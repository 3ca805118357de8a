"""Several GPUs in one training."""

from typing import Any

import keras


def all_gpus() -> Any | None:
    """Return a `tf.distribute.MirroredStrategy` over TensorFlow's GPUs; None below two.

    Each GPU holds the network and takes its share of every batch.
    """
    if keras.config.backend() != "tensorflow":
        return None
    import tensorflow as tf

    if len(tf.config.list_logical_devices("GPU")) < 2:
        return None
    return tf.distribute.MirroredStrategy()
