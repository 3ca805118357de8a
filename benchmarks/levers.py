"""What each lever of the recipe `context` is worth, one at a time, at equal epochs.

    python benchmarks/levers.py DIR TRUTH [--lever NAME ...] [--epochs N] [--json FILE]

DIR and TRUTH as for accuracy.py, of which only the labelled patches are used, so that the patches
that measure the recipes choose nothing. Whole groups are dealt to training (60 %), to the choice
of the best epoch (10 %) and to the measurement (30 %), where each try is compared with the recipe
as it is: the difference of the AUC and its paired interval, resampling groups.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import keras
import numpy as np
import numpy.typing as npt
import pandas as pd
from accuracy import DRAWS, WAYS, prepared
from keras import layers, ops
from machine import machine
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupShuffleSplit

from pcam_core.augment.policies import POLICIES, augment
from pcam_core.bootstrap import paired_difference
from pcam_core.patch_store import PatchStore
from pcam_core.progress import listening, sentence
from pcam_core.recipe import load_recipe
from pcam_core.stages.prepare import open_store
from pcam_core.training.serving import predict
from pcam_core.training.trainer import Trainer

BASE = "as it is"
console = Console()


@dataclass(frozen=True)
class Lever:
    """What one try does otherwise than the recipe."""

    training: Mapping[str, Any] = field(default_factory=dict)
    without: str | None = None
    epochs: int = 1  # times as many
    pretrained: bool = False


LEVERS = {
    BASE: Lever(),
    "no stain jitter": Lever(without="stain_jitter"),
    "no average of the weights": Lever({"ema": None}),
    "twice the epochs": Lever(epochs=2),
    "contrastive pretraining": Lever(pretrained=True),
}


def main() -> None:
    """Train, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="folder of real patches in Kaggle's layout")
    parser.add_argument("truth", type=Path, help="table of id, label and overlap_group")
    parser.add_argument("--lever", action="append", choices=LEVERS, help="default: all")
    parser.add_argument("--epochs", type=int, default=12, help="of the recipe as it is")
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()

    with TemporaryDirectory() as kept:
        way = WAYS["context"]
        stored, ids = prepared(load_recipe(way.recipe, way.changes), arguments.data, Path(kept))
        store = open_store(stored, "train")
        known = pd.read_csv(arguments.truth).set_index("id")
        training, rest = dealt(known.loc[ids].reset_index(), 0.4)
        measured, stopping = dealt(rest, 0.25)
        names = [BASE, *(name for name in arguments.lever or LEVERS if name != BASE)]
        found = {}
        for name in names:
            model = train(name, store, training, stopping, arguments.epochs)
            found[name] = predict(model, store, measured["id"])
            if name == BASE:
                found["mean of eight views"] = predict(model, store, measured["id"], 8)
            auc = roc_auc_score(measured["label"], found[name])
            console.print(f"{name}: AUC {auc:.4f}")

    truth, groups = measured["label"].to_numpy(), measured["overlap_group"].to_numpy()
    shown = Table("try", "AUC", "minus the recipe as it is")
    figures = {}
    for name, probabilities in found.items():
        auc = roc_auc_score(truth, probabilities)
        gain = paired_difference(truth, probabilities, found[BASE], groups, DRAWS, 42)
        told = "" if name == BASE else f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})"
        shown.add_row(name, f"{auc:.3f}", told)
        figures[name] = {"auc": auc, "gain": gain._asdict()}
    console.print(machine())
    console.print(f"{len(training)} patches train, {len(measured)} measure")
    console.print(shown)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2))


def dealt(table: pd.DataFrame, share: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split off a share of the groups; it comes second."""
    drawn = GroupShuffleSplit(1, test_size=share, random_state=42)
    inside, outside = next(drawn.split(table, groups=table["overlap_group"]))
    return table.iloc[inside], table.iloc[outside]


def train(
    name: str, store: PatchStore, training: pd.DataFrame, stopping: pd.DataFrame, epochs: int
) -> keras.Model:
    """Train the recipe's final model as one try wants it."""
    way, lever = WAYS["context"], LEVERS[name]
    epochs *= lever.epochs
    recipe = load_recipe(way.recipe, way.changes)
    settings = recipe.final.training.model_copy(
        update={"epochs": epochs, "stop_patience": epochs, **lever.training}
    )
    policy = recipe.augmentation.policy
    left = tuple(operation for operation in POLICIES[policy] if operation != lever.without)
    trainer = Trainer(store, recipe.network, recipe.augmentation, settings)
    with (
        patch.dict(POLICIES, {policy: left}),
        listening(lambda told: console.print(sentence(told)) if told.done % 100 == 0 else None),
    ):
        loop = trainer.loop(way.model, {}, training, stopping, name)
        if lever.pretrained:
            pretrain(loop.network, store, pd.concat([training, stopping])["id"], policy)
        loop.run()
    return loop.validation.serving


class Pairs(keras.utils.PyDataset):
    """Batches of patches, each of them twice, differently augmented."""

    def __init__(self, patches: npt.NDArray[np.uint8], policy: str, size: int) -> None:
        super().__init__(workers=2)
        self.patches, self.policy, self.size = patches, policy, size

    def __len__(self) -> int:
        """Return the number of batches."""
        return len(self.patches) // self.size

    def __getitem__(self, step: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Return the first views, then the second; and labels, which nothing uses."""
        rng = np.random.default_rng()
        chosen = self.patches[rng.choice(len(self.patches), self.size, replace=False)]
        views = [augment(chosen, self.policy, rng, strength=2, xp=np) for _ in range(2)]
        return np.concatenate(views), np.zeros((2 * self.size, 1), np.float32)


class Contrast(keras.Model):
    """The normalised temperature-scaled loss of Chen et al. 2020 (arXiv:2002.05709)."""

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):  # type: ignore[no-untyped-def]
        """Return how badly each view finds its other among all."""
        del x, sample_weight, training
        features = ops.normalize(y_pred, axis=1)
        count = ops.shape(y)[0]
        alike = ops.matmul(features, ops.transpose(features)) / 0.2 - 1e9 * ops.eye(count)
        other = ops.roll(ops.arange(count), count // 2)
        return ops.mean(
            keras.losses.sparse_categorical_crossentropy(other, alike, from_logits=True)
        )


def pretrain(
    network: keras.Model, store: PatchStore, ids: pd.Series, policy: str, epochs: int = 10
) -> None:
    """Let all layers before the dropout learn to know a patch again, without labels."""
    (dropout,) = (layer for layer in network.layers if isinstance(layer, layers.Dropout))
    projected = layers.Dense(64)(layers.Dense(128, activation="relu")(dropout.input))
    contrast = Contrast(network.input, projected)
    contrast.compile(optimizer=keras.optimizers.Adam(1e-3))
    contrast.fit(Pairs(store.read(store.rows(ids)), policy, 64), epochs=epochs, verbose=2)


if __name__ == "__main__":
    main()
