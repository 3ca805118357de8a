"""A network with its optimizer, loss and metrics, all of whose state exists before a step."""

import keras
import numpy as np

from pcam_core.training.adam import Adam
from pcam_core.training.settings import TrainingSettings


def compile_network(network: keras.Model, settings: TrainingSettings, optimizer: Adam) -> None:
    """Give a network its optimizer, loss (binary cross-entropy) and metrics.

    Under the policy mixed_float16 Keras wraps the optimizer to scale the loss.

    Args:
        network: Ends in one probability.
        settings: Label smoothing.
        optimizer: Not yet built.
    """
    network.compile(
        optimizer=optimizer,
        loss=keras.losses.BinaryCrossentropy(label_smoothing=settings.label_smoothing),
        metrics=[
            keras.metrics.BinaryAccuracy(name="accuracy"),
            keras.metrics.AUC(name="auc"),
            keras.metrics.Precision(name="precision"),
            keras.metrics.Recall(name="recall"),
            keras.metrics.F1Score(average="micro", threshold=0.5, name="f1"),
        ],
    )
    # A checkpoint can be put back only into variables that exist.
    network.optimizer.build(network.trainable_variables)
    images = np.zeros((1, *network.input_shape[1:]), np.float32)
    network._symbolic_build(data_batch=(images, np.zeros((1, 1), np.float32), np.ones(1)))
