"""Does enlarging the centre help, and does it beat the whole patch? The same network and budget.

    python benchmarks/enlargement.py DIR [--upscaler FILE.keras ...] [--epochs 12] [--json FILE]

DIR is a folder of real patches in Kaggle's layout. The custom CNN trains afresh, from equal seeds,
on the same patches of 96x96 pixels, made of the centre 32x32 by LANCZOS, of the centre by each
super-resolution model given, and of the whole patch. Differences of the AUC on the held-out part
are paired: each bootstrap sample of whole groups measures both.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from machine import machine
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score

from pcam_core.augment.settings import AugmentSettings
from pcam_core.datasets.opening import open_dataset
from pcam_core.models.settings import NetworkSettings
from pcam_core.stages.gate import gate
from pcam_core.stages.gate_expectations import GateSettings
from pcam_core.stages.groups import groups
from pcam_core.stages.labels import labels
from pcam_core.stages.prepare import PrepareSettings, open_store, prepare
from pcam_core.stages.split import SplitSettings, read_splits, split
from pcam_core.training.serving import predict
from pcam_core.training.settings import TrainingSettings
from pcam_core.training.trainer import Trainer

DRAWS = 2000
console = Console()


def auc(held_out: Any, probabilities: Any) -> float:
    """Return the area under the ROC curve."""
    return float(roc_auc_score(held_out["label"], probabilities))


def draws(held_out: Any) -> list[Any]:
    """Return the rows of bootstrap samples of whole groups."""
    rng = np.random.default_rng(42)
    members = list(held_out.reset_index(drop=True).groupby("group").indices.values())
    chosen = (rng.integers(len(members), size=len(members)) for _ in range(DRAWS))
    return [np.concatenate([members[group] for group in sample]) for sample in chosen]


def interval(values: list[float]) -> tuple[float, float]:
    """Return the middle 95 %."""
    low, high = np.percentile(values, (2.5, 97.5))
    return float(low), float(high)


def main() -> None:
    """Train, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", help="folder of real patches in Kaggle's layout")
    parser.add_argument("--upscaler", action="append", default=[], help="a .keras model of 0..1")
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--json", type=Path, help="file for the figures")
    arguments = parser.parse_args()

    ways = {"whole patch": PrepareSettings(region=96, upscaler="none")}
    ways["centre, LANCZOS"] = PrepareSettings(region=32, upscaler="lanczos")
    for path in arguments.upscaler:
        ways[f"centre, {Path(path).stem}"] = PrepareSettings(
            region=32, upscaler=path, input_range=(0, 1)
        )

    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        data = open_dataset([arguments.data], root)
        table = labels.build(root, data=data)
        checked = gate.build(root, data=data, labels=table, settings=GateSettings())
        grouped = groups.build(root, data=data, labels=table, gate=checked)
        shares = SplitSettings(test_fraction=0.33, validation_fraction=0.1)
        parts = split.build(root, labels=table, groups=grouped, settings=shares)
        splits = read_splits(parts)
        role = {name: splits[splits["role"] == name] for name in ("train", "validation", "test")}
        network = NetworkSettings(image_size=96, weights="none", trained_blocks="all")
        for way, settings in ways.items():
            start = time.monotonic()
            stored = prepare.build(root, data=data, labels=table, gate=checked, settings=settings)
            store = open_store(stored, "train")
            training = TrainingSettings(
                epochs=arguments.epochs,
                schedule="cosine",
                watch="val_auc",
                stop_patience=arguments.epochs,
            )
            trainer = Trainer(store, network, AugmentSettings(policy="tissue"), training)
            trained = trainer.train(
                "custom_cnn", {"learning_rate": 1e-3}, role["train"], role["validation"], way
            )
            probabilities = predict(trained.model, store, role["test"]["id"])
            found[way] = {
                "probabilities": probabilities,
                "auc": auc(role["test"], probabilities),
                "seconds": time.monotonic() - start,
            }
            console.print(f"{way}: AUC {found[way]['auc']:.3f}, {found[way]['seconds']:.0f} s")

    held_out = role["test"]
    samples = draws(held_out)
    reference = found["centre, LANCZOS"]["probabilities"]
    shown = Table("made of", "AUC", "95 % interval", "minus centre, LANCZOS", "95 % interval")
    for way, one in found.items():
        pairs = [
            tuple(auc(held_out.iloc[rows], p[rows]) for p in (one["probabilities"], reference))
            for rows in samples
        ]
        one["interval"] = interval([first for first, _ in pairs])
        one["gain"] = one["auc"] - found["centre, LANCZOS"]["auc"]
        one["gain_interval"] = interval([first - second for first, second in pairs])
        shown.add_row(
            way,
            f"{one['auc']:.3f}",
            "{:.3f} to {:.3f}".format(*one["interval"]),
            f"{one['gain']:+.3f}",
            "{:+.3f} to {:+.3f}".format(*one["gain_interval"]),
        )
        del one["probabilities"]
    console.print(machine())
    console.print(shown)
    console.print(
        f"{len(role['train']):,} patches trained for {arguments.epochs} epochs; measured on"
        f" {len(held_out):,} of {held_out['group'].nunique():,} groups."
    )
    if arguments.json:
        arguments.json.write_text(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
