"""The recipes' methods on real patches at equal training cost, measured on patches held out.

    python benchmarks/accuracy.py DIR TRUTH [--way NAME ...] [--tflop N] [--out DIR] [--json FILE]

DIR is a folder of real patches in Kaggle's layout; TRUTH a table (id, label, overlap_group) of its
training and its test patches. A tenth of the training groups
picks each training's best epoch; the test folder is scored once, by the finished model. Every way
trains from random weights with the settings of its recipe's final training, for as many epochs as
its operations allow. Differences of the AUC are paired: each bootstrap sample of whole groups
measures both. What was trained is kept in --out and not trained again.
"""

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from machine import machine
from rich.console import Console
from rich.table import Table
from sklearn.model_selection import GroupShuffleSplit

from pcam_core.artifact import Artifact
from pcam_core.bootstrap import intervals, paired_difference
from pcam_core.datasets.opening import open_dataset
from pcam_core.measures import scores
from pcam_core.models.registry import build_network
from pcam_core.progress import listening, sentence
from pcam_core.recipe import Recipe, load_recipe
from pcam_core.stages.gate import gate
from pcam_core.stages.labels import labels, read_ids
from pcam_core.stages.prepare import open_store, prepare
from pcam_core.training.cost import training_flops
from pcam_core.training.serving import load_model, predict, save_model
from pcam_core.training.trainer import Trainer
from pcam_core.training.views import Views

DRAWS = 2000
REFERENCE = "notebook"
console = Console()


@dataclass(frozen=True)
class Way:
    """A recipe, what is changed of it so that it runs here, the model and the views."""

    recipe: str
    model: str
    changes: dict[str, Any]
    views: Views = 1


# No ImageNet weights and no ESRGAN: they cannot be had everywhere.
_HERE = {"network.weights": "none", "network.trained_blocks": "all"}
# Batches of 32, since the patches are few.
_SMALL = _HERE | {"network.image_size": 96, "final.training.batch_size": 32}
WAYS = {
    # Its tuned CNN would see half of the patches once for the same operations.
    "notebook": Way("notebook", "custom_cnn", _HERE | {"prepare.upscaler": "lanczos"}),
    "context": Way("context", "centre_cnn", _SMALL, 8),
}


def main() -> None:
    """Train, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", type=Path, help="folder of real patches in Kaggle's layout")
    parser.add_argument("truth", type=Path, help="table of id, label and overlap_group")
    parser.add_argument("--way", action="append", choices=WAYS, help="default: all")
    parser.add_argument("--tflop", type=float, default=95, help="operations of each training")
    parser.add_argument("--out", type=Path, default=Path("accuracy"), help="of models")
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()

    known = pd.read_csv(arguments.truth).set_index("id")
    test = known.loc[sorted(path.stem for path in (arguments.data / "test").iterdir())]
    truth, group = test["label"].to_numpy(), test["overlap_group"].to_numpy()
    found = {}
    for name in arguments.way or WAYS:
        found[name] = train(name, WAYS[name], arguments, known, test.index)
        one = found[name]
        one["scores"] = scores(truth, one["probabilities"], 0.5)
        one["intervals"] = intervals(truth, one["probabilities"], group, 0.5, draws=DRAWS, seed=42)
        console.print(f"{name}: AUC {one['scores']['auc']:.4f}")

    shown = Table("way", "patches seen", "AUC", "accuracy at .5", f"AUC minus {REFERENCE}'s")
    for name, one in found.items():
        cells = [
            f"{one['scores'][score]:.3f} ({low:.3f} to {high:.3f})"
            for score in ("auc", "accuracy")
            for low, high in [one["intervals"][score]]
        ]
        gains = {
            other: paired_difference(
                truth, one["probabilities"], found[other]["probabilities"], group, DRAWS, 42
            )
            for other in found
            if other != name
        }
        one["gains"] = {other: gain._asdict() for other, gain in gains.items()}
        gain = gains.get(REFERENCE)
        told = f"{gain.value:+.3f} ({gain.low:+.3f} to {gain.high:+.3f})" if gain else ""
        shown.add_row(name, f"{one['patches']:,.0f}", *cells, told)
    console.print(machine())
    console.print(shown)
    if arguments.json:
        for one in found.values():
            del one["probabilities"]
        arguments.json.write_text(json.dumps(found, indent=2))


def train(
    name: str, way: Way, arguments: argparse.Namespace, known: pd.DataFrame, test: pd.Index
) -> dict[str, Any]:
    """Train one way, or load what it has trained, and score the test folder."""
    recipe = load_recipe(way.recipe, way.changes)
    stored, ids = prepared(recipe, arguments.data, arguments.out)
    training = known.loc[ids].reset_index()
    drawn = GroupShuffleSplit(1, test_size=0.1, random_state=42)
    inside, outside = next(drawn.split(training, groups=training["overlap_group"]))

    settings = recipe.final.training
    operations = training_flops(build_network(way.model, recipe.network))
    epochs = round(arguments.tflop * 1e12 / operations / len(inside))
    settings = settings.model_copy(update={"epochs": epochs, "stop_patience": epochs})
    trainer = Trainer(open_store(stored, "train"), recipe.network, recipe.augmentation, settings)
    path = arguments.out / f"{name.replace(', ', '-')}-{epochs}.keras"
    start = time.monotonic()
    if not path.exists():
        checkpoints = path.with_suffix(".checkpoints")
        checkpoints.mkdir(exist_ok=True)
        with listening(lambda told: console.print(sentence(told)) if told.done % 50 == 0 else None):
            trained = trainer.train(
                way.model, {}, training.iloc[inside], training.iloc[outside], name, checkpoints
            )
        trained.history.to_csv(path.with_suffix(".csv"), index=False)
        save_model(trained.model, path)
    seconds = time.monotonic() - start
    store = open_store(stored, "test")
    return {
        "probabilities": predict(load_model(path), store, test.to_series(), way.views),
        "model": way.model,
        "views": way.views,
        "epochs": epochs,
        "patches": epochs * len(inside),
        "tflop": operations * epochs * len(inside) / 1e12,
        "seconds": seconds,
    }


def prepared(recipe: Recipe, data: Path, out: Path) -> tuple[Artifact, pd.Series]:
    """Return the patches as a recipe prepares them, and the ids of the labelled ones."""
    root = out / "artifacts"
    opened = open_dataset([str(data)], out / "cache")
    table = labels.build(root, data=opened)
    checked = gate.build(root, data=opened, labels=table, settings=recipe.gate)
    stored = prepare.build(root, data=opened, labels=table, gate=checked, settings=recipe.prepare)
    return stored, read_ids(table, "train")["id"]


if __name__ == "__main__":
    main()
