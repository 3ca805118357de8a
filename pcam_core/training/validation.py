"""Validation after every epoch, with the model that will serve."""

import keras
import numpy as np
import pandas as pd
from sklearn.metrics import log_loss

from pcam_core.measures import Probabilities, scores
from pcam_core.patch_store import PatchStore
from pcam_core.training.serving import predict
from pcam_core.training.settings import TrainingSettings

_FIGURES = ("accuracy", "auc", "precision", "recall", "f1")


class Validation(keras.callbacks.Callback):
    """Adds val_loss, val_accuracy, val_auc, val_precision, val_recall and val_f1 to the logs.

    Exact figures of one pass an epoch, where Keras' own would be sums over batches and a second
    pass would be needed for the probabilities.

    Args:
        serving: Shares its weights with the network in training.
        store: Patches of the training part.
        table: Columns id and label of the validation patches, both labels present.
        settings: Names the watched figure.

    Attributes:
        probabilities: Of the validation patches, in the table's order, at the epoch with the
            best watched figure so far.
    """

    def __init__(
        self,
        serving: keras.Model,
        store: PatchStore,
        table: pd.DataFrame,
        settings: TrainingSettings,
    ) -> None:
        super().__init__()
        self.serving = serving
        self.store = store
        self.table = table
        self.settings = settings
        self.probabilities: Probabilities = np.empty(0)
        self._best = np.inf

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Validate, and keep the probabilities if they are the best."""
        del epoch
        assert logs is not None
        labels = self.table["label"].to_numpy()
        probabilities = predict(self.serving, self.store, self.table["id"])
        if not np.isfinite(probabilities).all():
            raise FloatingPointError(
                "The network gives probabilities that are no numbers. Try a lower learning rate"
                " or network.precision=float32."
            )
        figures = scores(labels, probabilities, 0.5)
        logs["val_loss"] = float(log_loss(labels, probabilities))
        logs |= {f"val_{name}": figures[name] for name in _FIGURES}
        sign = 1 if self.settings.watch_mode == "min" else -1
        if sign * logs[self.settings.watch] < self._best:
            self._best = sign * logs[self.settings.watch]
            self.probabilities = probabilities
