"""How fast batches for training are made, and what that costs the training.

    python benchmarks/input.py [--quick] [--json FILE] [--models NAME ...]

Against Keras' ImageDataGenerator: both make batches of 32 with the policy `notebook` (rotation,
shifts, zoom, both flips, brightness, channel shift, fill 200), in turns, in one process. Each
starts from what it reads: the generator from an array in memory of images that have the network's
size already, ours from the patch store on the disk, warm; at 224 px it therefore enlarges every
stored 128 px patch too (LANCZOS), as the recipe `notebook` does, and the generator does not have
to. The generator makes its batches where they are asked for, in one thread, which is how Keras
runs it; ours are made in the background on all cores. `by one thread` is ours without that.

Loading: images a second of the trainer's own step, first on one batch that is there, then on
batches from the feed, in turns: at 96 px with the policy `tissue`, and the custom CNN at 224 px
with `notebook`. Of backbones only the head is trained: in longer steps loading weighs less.
What the pixels show does not matter to the time: they are random.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from machine import machine
from rich.console import Console
from rich.table import Table

from pcam_core.models.registry import ARCHITECTURES, build_network
from pcam_core.models.settings import NetworkSettings
from pcam_core.patch_store import PatchStore, write_patch_store
from pcam_core.precision import gpus
from pcam_core.training.adam import make_optimizer
from pcam_core.training.compiled import compile_network
from pcam_core.training.feed import Batch, Feed
from pcam_core.training.settings import TrainingSettings
from pcam_core.training.steps import make_steps

BATCH = 32
STORED = {224: 128, 96: 96}  # side of what is stored, by the network's
PATCHES = 1024
GENERATED = 256  # images in the generator's array: float32, .6 MB each at 224 px
console = Console(width=120)


def new_store(folder: Path, side: int) -> PatchStore:
    """Write a store of random patches."""
    pixels = np.random.default_rng(side).integers(0, 256, (PATCHES, side, side, 3), np.uint8)
    write_patch_store(folder, [str(n) for n in range(PATCHES)], lambda _: [pixels])
    return PatchStore(folder)


def new_feed(store: PatchStore, side: int, policy: str) -> Feed:
    """Return the batches of all patches of a store, enlarged if the network is larger."""
    table = pd.DataFrame({"id": store.ids, "label": np.arange(len(store.ids)) % 2})
    enlarge_to = side if policy == "notebook" else None
    return Feed(store, table, batch_size=BATCH, enlarge_to=enlarge_to, policy=policy, shuffle=42)


def unending(feed: Feed) -> Iterator[Batch]:
    """Yield the batches of epoch after epoch."""
    epoch = 0
    while True:
        yield from feed.batches(epoch)
        epoch += 1


def images_a_second(make: Callable[[], Any], seconds: float) -> float:
    """Return how many images a second come in batches, for at least so long."""
    made = 0
    start = time.perf_counter()
    while time.perf_counter() - start < seconds:
        make()
        made += BATCH
    return made / (time.perf_counter() - start)


def measure_generator(store: PatchStore, side: int, rounds: int, seconds: float) -> dict[str, Any]:
    """Compare with Keras' generator at the network's side in pixels."""
    from keras.src.legacy.preprocessing.image import ImageDataGenerator

    generator = ImageDataGenerator(
        rotation_range=20,
        width_shift_range=0.1,
        height_shift_range=0.1,
        zoom_range=0.1,
        horizontal_flip=True,
        vertical_flip=True,
        brightness_range=(0.9, 1.1),
        channel_shift_range=20,
        fill_mode="constant",
        cval=200,
    )
    shape = (GENERATED, side, side, 3)
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    theirs = generator.flow(pixels, np.zeros(GENERATED), batch_size=BATCH)
    feed = new_feed(store, side, "notebook")
    steps = iter(range(10**9))
    found: dict[str, list[float]] = {"ours": [], "one_thread": [], "generator": []}
    for _ in range(rounds):
        with closing(unending(feed)) as ours:
            next(ours)  # the threads are there
            found["ours"].append(images_a_second(lambda ours=ours: next(ours), seconds))
        alone = images_a_second(lambda: feed.batch(0, next(steps) % len(feed)), seconds)
        found["one_thread"].append(alone)
        found["generator"].append(images_a_second(lambda: next(theirs), seconds))
    told: dict[str, Any] = {name: statistics.median(speeds) for name, speeds in found.items()}
    told["ratio"] = ratio(found["ours"], found["generator"])
    told["ratio_one_thread"] = ratio(found["one_thread"], found["generator"])
    return told


def ratio(ours: list[float], theirs: list[float]) -> float:
    """Return the median over the rounds, whose halves saw the same machine."""
    return statistics.median(one / other for one, other in zip(ours, theirs, strict=True))


def measure_loading(
    name: str, store: PatchStore, side: int, policy: str, rounds: int, seconds: float
) -> dict[str, float]:
    """Compare a model's steps with and without loading."""
    network = build_network(name, NetworkSettings(weights="none", image_size=side))
    settings = TrainingSettings(batch_size=BATCH)
    compile_network(network, settings, make_optimizer(settings, 1e-4, 1000))
    step = make_steps(network, None)
    feed = new_feed(store, side, policy)
    weights = np.ones(BATCH, np.float32)
    there = feed.batch(0, 0)

    def train(images: Any, labels: Any) -> None:
        step(images, labels, weights)

    def speed(make: Callable[[], Batch]) -> float:
        found = images_a_second(lambda: train(*make()), seconds)
        step.settle()
        return found

    train(*there)
    found: dict[str, list[float]] = {"with": [], "without": []}
    for _ in range(rounds):
        found["without"].append(speed(lambda: there))
        with closing(unending(feed)) as batches:
            train(*next(batches))  # from now on as many batches lie ready as at the end
            found["with"].append(speed(lambda batches=batches: next(batches)))
    told = {name: statistics.median(speeds) for name, speeds in found.items()}
    return told | {"ratio": ratio(found["with"], found["without"])}


def measure(models: list[str], quick: bool) -> dict[str, Any]:
    """Return the figures; see the module's docstring."""
    rounds, seconds = (2, 2.0) if quick else (5, 4.0)
    figures: dict[str, Any] = {"machine": machine(), "gpus": [gpu.name for gpu in gpus()]}
    figures |= {"input": {}, "loading": {}}
    with tempfile.TemporaryDirectory() as folder:
        stores = {
            side: new_store(Path(folder) / str(side), stored) for side, stored in STORED.items()
        }
        for side, store in stores.items():
            console.print(f"{side} px, against the generator ...", style="dim")
            figures["input"][side] = measure_generator(store, side, rounds, seconds)
            figures[f"ratio_{side}"] = figures["input"][side]["ratio"]
        for name in models:
            for side, policy in ((96, "tissue"), (224, "notebook")):
                if side == 96 or name == "custom_cnn":
                    console.print(f"{name}, {side} px ...", style="dim")
                    found = measure_loading(name, stores[side], side, policy, rounds, seconds)
                    figures["loading"][f"{name} {side} {policy}"] = found
    worst = min((found["ratio"] for found in figures["loading"].values()), default=None)
    return figures | {"loading_ratio": worst}


def show(figures: dict[str, Any]) -> None:
    """Print the figures as a table."""
    table = Table("", "images/s", "by one thread", "of", "images/s", "ratio", "by one thread")
    for column in table.columns[1:]:
        column.justify = "right"
    for side, found in figures["input"].items():
        table.add_row(
            f"policy notebook, {side} px",
            f"{found['ours']:,.0f}",
            f"{found['one_thread']:,.0f}",
            "generator",
            f"{found['generator']:,.0f}",
            f"{found['ratio']:.1f}",
            f"{found['ratio_one_thread']:.1f}",
        )
    table.add_section()
    for name, found in figures["loading"].items():
        speeds = (f"{found['with']:,.1f}", "", "no loading", f"{found['without']:,.1f}")
        table.add_row(f"training {name}", *speeds, f"{found['ratio']:.2f}", "")
    console.print(table)
    console.print(figures["machine"], *figures["gpus"], soft_wrap=True)


def main() -> None:
    """Measure, show, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two short rounds")
    parser.add_argument("--models", nargs="*", default=list(ARCHITECTURES), metavar="NAME")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    figures = measure(arguments.models, arguments.quick)
    show(figures)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
