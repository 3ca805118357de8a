"""How fast networks train here, and how long the source notebook's whole work would take.

    python benchmarks/training.py [--quick] [--models NAME ...] [--json FILE]

Single training steps of the recipe `notebook` (224 px, backbones frozen) for the models that it
trains, and of `context` (its image size, everything learns) for all registered models, from random
weights, which cost the same. Steps, predictions, a large convolution and a large matrix product are
called in turns; the share is that of the faster of the last two in the same precision. Operations
are those of convolutions and dense layers: forward, and twice that again where a layer learns.
Loading and augmentation are left out: benchmarks/input.py measures them.

The notebook's work is the comparison (2 folds, 2 epochs, 3 models), Hyperband run to its end (226
epochs on a fifth of the patches), 3 folds of 15 epochs and 12 epochs of the final training, each
epoch with its validation. Every trial of Hyperband counts as the tuned CNN: 60 random ones cost
1.04 times its operations in the mean, with a standard error of .13. The notebook's hardware is
unknown, so its 37 to 40 hours are context, not a claimed speed-up.
"""

import argparse
import json
import logging
import os
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from ceiling import Measured, in_turns, large_convolution, large_product, share
from machine import machine
from rich.console import Console
from rich.table import Table

from pcam_core.models.registry import ARCHITECTURES, build_network
from pcam_core.precision import gpus, xla_used
from pcam_core.recipe import load_recipe
from pcam_core.training.adam import make_optimizer
from pcam_core.training.compiled import compile_network
from pcam_core.training.cost import forward_flops, training_flops
from pcam_core.training.settings import TrainingSettings
from pcam_core.training.steps import make_steps

TUNED = "tunable_cnn"
COMPARED = ("custom_cnn", "resnet50", "efficientnet_b0")
console = Console()
logging.getLogger("tensorflow").setLevel(logging.ERROR)  # each model is a new graph, on purpose


@dataclass(frozen=True)
class Part:
    """A part of the notebook's work: patches that pass through a network."""

    name: str
    models: tuple[str, ...]
    epochs: int
    trained: int
    validated: int


NOTEBOOK = (
    Part("comparison", COMPARED, 2 * 2, 88_010, 88_010),
    Part("Hyperband", (TUNED,), 226, 44_005, 8_801),
    Part("cross-validation", (TUNED,), 3 * 15, 146_683, 73_342),
    Part("final training", (TUNED,), 12, 209_023, 11_002),
)


def measure(recipe: str, name: str, rounds: int) -> dict[str, Any]:
    """Return the figures of one model as a recipe trains it."""
    keras.utils.clear_session()
    settings = load_recipe(recipe).network.model_copy(update={"weights": "none"})
    network = build_network(name, settings)
    training = TrainingSettings()
    compile_network(network, training, make_optimizer(training, 1e-4, 100))
    serving = keras.Model(network.input, network.output)  # compiled to predict, as when serving
    serving.compile(jit_compile=xla_used())

    batch = 64 if gpus() else 8
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (batch, *network.input_shape[1:])).astype(np.float32)
    labels = rng.integers(0, 2, (batch, 1)).astype(np.float32)
    steps = make_steps(network, None)

    def step() -> None:
        steps(images, labels, np.ones(batch, np.float32))
        network.get_metrics_result()  # waits for the device

    precision = keras.DTypePolicy(settings.policy).compute_dtype
    works = [
        Measured(step, batch * training_flops(network)),
        Measured(lambda: serving.predict_on_batch(images), batch * forward_flops(network)),
        large_convolution(precision),
        large_product(precision),
    ]
    trained, predicted, *ceilings = in_turns(rounds, works)
    ceiling = max(ceilings, key=statistics.median)
    rate = statistics.median(trained)
    return {
        "image_size": settings.image_size,
        "batch": batch,
        "precision": settings.policy,
        "trainable": int(sum(np.prod(weight.shape) for weight in network.trainable_weights)),
        "images_per_s": rate / training_flops(network),
        "predicted_images_per_s": statistics.median(predicted) / forward_flops(network),
        "gflops": rate / 1e9,
        "peak_gflops": statistics.median(ceiling) / 1e9,
        "share_of_peak": share(trained, ceiling),
    }


def hours(part: Part, models: dict[str, Any]) -> float:
    """Return how long a part of the notebook's work takes at the measured rates."""
    seconds = 0.0
    for name in part.models:
        rates = models[name]["notebook"]
        seconds += part.trained / rates["images_per_s"]
        seconds += part.validated / rates["predicted_images_per_s"]
    return part.epochs * seconds / 3600


def show(figures: dict[str, Any]) -> None:
    """Print the figures."""
    table = Table(title="Training")
    for label in ("as in", "model"):
        table.add_column(label, no_wrap=True)
    for label in ("px", "images/s", "GFLOP/s", "peak", "share"):
        table.add_column(label, justify="right")
    for recipe in ("notebook", "context"):
        for name, rows in figures["models"].items():
            if not (row := rows.get(recipe)):
                continue
            table.add_row(
                recipe,
                name,
                str(row["image_size"]),
                f"{row['images_per_s']:,.1f}",
                f"{row['gflops']:,.0f}",
                f"{row['peak_gflops']:,.0f}",
                f"{row['share_of_peak']:.2f}",
            )
        table.add_section()
    console.print(table)
    if figures["notebook_workload_hours"]:
        parts = figures["notebook_workload_parts"].items()
        told = ", ".join(f"{name} {hours:,.1f}" for name, hours in parts)
        console.print(
            f"The notebook's work here: {figures['notebook_workload_hours']:,.1f} hours ({told})."
            " Its hardware is unknown: its own 37 to 40 hours are context, no claimed speed-up."
        )
    console.print(figures["machine"], soft_wrap=True)


def main() -> None:
    """Measure, show, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one turn each")
    parser.add_argument("--models", nargs="+", choices=ARCHITECTURES, default=[*ARCHITECTURES])
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    rounds = 1 if arguments.quick else 3
    models: dict[str, dict[str, Any]] = {name: {} for name in arguments.models}
    for recipe, offered in (("notebook", (*COMPARED, TUNED)), ("context", ARCHITECTURES)):
        for name in models:
            if name in offered:
                console.print(f"{name} as in {recipe} ...")
                models[name][recipe] = measure(recipe, name, rounds)
    parts = {}
    if {*COMPARED, TUNED} <= models.keys():
        parts = {part.name: hours(part, models) for part in NOTEBOOK}
    figures = {
        "machine": machine(),
        "models": models,
        "notebook_workload_parts": parts,
        "notebook_workload_hours": sum(parts.values()) or None,
    }
    show(figures)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
