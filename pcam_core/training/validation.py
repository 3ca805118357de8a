"""Validation with the model that will serve."""

from dataclasses import dataclass

import keras
import numpy as np
import pandas as pd
from sklearn.metrics import log_loss

from pcam_core.measures import Probabilities, scores
from pcam_core.patch_store import PatchStore
from pcam_core.training.serving import predict

_FIGURES = ("accuracy", "auc", "precision", "recall", "f1")


@dataclass(frozen=True)
class Validation:
    """Measures val_loss, val_accuracy, val_auc, val_precision, val_recall and val_f1.

    Exact figures of one pass, where Keras' own would be sums over batches and a second pass
    would be needed for the probabilities.

    Attributes:
        serving: Shares its weights with the network in training.
        store: Patches of the training part.
        table: Columns id and label of the validation patches, both labels present.
    """

    serving: keras.Model
    store: PatchStore
    table: pd.DataFrame

    def measure(self) -> tuple[dict[str, float], Probabilities]:
        """Return the figures at .5, and the probabilities in the table's order.

        Raises:
            FloatingPointError: Some probability is no number.
        """
        labels = self.table["label"].to_numpy()
        probabilities = predict(self.serving, self.store, self.table["id"])
        if not np.isfinite(probabilities).all():
            raise FloatingPointError(
                "The network gives probabilities that are no numbers. Try a lower learning rate"
                " or network.precision=float32."
            )
        figures = scores(labels, probabilities, 0.5)
        found = {"val_loss": float(log_loss(labels, probabilities))}
        return found | {f"val_{name}": float(figures[name]) for name in _FIGURES}, probabilities
