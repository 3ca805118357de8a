"""How fast new patches are scored, against a plain loop over files.

    python benchmarks/scoring.py [--quick] [--patches N] [--json FILE]

The plain loop opens each file with Pillow and calls `model.predict` on it. Ours is all of
`score_new`: it lists, hashes and decodes the files, predicts, measures drift, writes the report and
publishes with checksums. The same network from random weights (centre_cnn at 96 px) on generated
patches, both warm, in turns; "batched" is a plain loop that predicts 64 files at once, for
comparison: it hashes, measures and publishes nothing.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from machine import machine
from PIL import Image
from rich.console import Console

from pcam_core.atomic import sha256_of
from pcam_core.decision.calibration import Calibrator
from pcam_core.drift.features import FeatureTap
from pcam_core.drift.gaussian import fit_gaussian
from pcam_core.drift.measures import LOOKS, pixel_measures
from pcam_core.drift.neighbours import fit_neighbours
from pcam_core.drift.reference import FILE, summarise
from pcam_core.drift.settings import DriftSettings
from pcam_core.model_card.description import Metrics, ModelDescription, PixelContract
from pcam_core.models.registry import build_network
from pcam_core.models.settings import NetworkSettings
from pcam_core.scoring.score import score_new
from pcam_core.scoring.served import ServedModel, served
from pcam_core.synth import write_dataset
from pcam_core.training.serving import load_model, save_model, serving_model

BATCH = 64
LENIENT = DriftSettings(warn=1e6, stop=1e6, stop_unlike=1)
console = Console(stderr=True)


def make_model(folder: Path, patches: np.ndarray) -> None:
    """Write a model with all that lies beside it."""
    path = folder / "model.keras"
    settings = NetworkSettings(image_size=96, weights="none", precision="float32")
    save_model(serving_model(build_network("centre_cnn", settings), 96), path)
    named = dict.fromkeys(("name", "architecture", "package", "data_key", "split_key"), "x")
    noted: dict[str, Any] = {n: {} for n in ("hyperparameters", "recipe", "code", "versions")}
    contract = PixelContract(
        stored_side=96,
        region=96,
        upscaler="none",
        input_range=(0, 255),
        precision="float32",
        store_size=None,
    )
    described = ModelDescription(
        **named,
        **noted,
        parameters=0,
        hold_out=None,
        sha256=sha256_of(path),
        pixels=contract,
        threshold=0.5,
        calibrator=Calibrator(method="none"),
        metrics=Metrics(patches=0, groups=0, at_half={}, at_threshold={}),
    )
    path.with_suffix(".json").write_text(described.model_dump_json())
    probabilities, features = FeatureTap(load_model(path)).look(patches, 1)
    gaussian = fit_gaussian(features)
    measured = pixel_measures(patches)
    looks = measured[list(LOOKS)].to_numpy()
    neighbours = fit_neighbours(looks)
    values = {name: column.to_numpy() for name, column in measured.items()}
    values |= {"appearance": neighbours.distance(looks), "probability": probabilities}
    values |= {"embedding": gaussian.distance(features)}
    summarise(described.sha256, values, neighbours, gaussian).write(folder / FILE)


def plain(network: keras.Model, files: list[Path]) -> None:
    """Predict file by file."""
    for file in files:
        network.predict(np.asarray(Image.open(file))[None], verbose=0)


def batched(network: keras.Model, files: list[Path]) -> None:
    """Predict 64 files at once."""
    for start in range(0, len(files), BATCH):
        some = [np.asarray(Image.open(file)) for file in files[start : start + BATCH]]
        network.predict(np.stack(some), verbose=0)


def ours(model: ServedModel, folder: Path) -> None:
    """Score a folder into a new place."""
    with tempfile.TemporaryDirectory() as out:
        score_new(model, str(folder), out, LENIENT)


def measure(count: int, rounds: int) -> dict[str, Any]:
    """Return patches a second of each, medians over the rounds."""
    with tempfile.TemporaryDirectory() as scratch:
        data, folder = Path(scratch) / "data", Path(scratch) / "model"
        folder.mkdir()
        write_dataset(data, train=count, test=1, seed=1)
        files = sorted((data / "train").iterdir())
        make_model(folder, np.stack([np.asarray(Image.open(file)) for file in files[:256]]))
        with served(str(folder)) as model:
            network = load_model(model.path)
            works: dict[str, Callable[[], None]] = {
                "plain": lambda: plain(network, files),
                "batched": lambda: batched(network, files),
                "scored": lambda: ours(model, data / "train"),
            }
            plain(network, files[:2])
            batched(network, files[:BATCH])
            ours(model, data / "train")
            rates: dict[str, list[float]] = {name: [] for name in works}
            for _ in range(rounds):
                for name, work in works.items():
                    start = time.perf_counter()
                    work()
                    rates[name].append(count / (time.perf_counter() - start))
    found = {f"{name}_patches_per_s": statistics.median(each) for name, each in rates.items()}
    ratios = {
        f"ratio_vs_{name}_loop": statistics.median(
            a / b for a, b in zip(rates["scored"], rates[name], strict=True)
        )
        for name in ("plain", "batched")
    }
    return {"patches": count, "rounds": rounds, **found, **ratios, "machine": machine()}


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="256 patches, one round")
    parser.add_argument("--patches", type=int, default=2048, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    options = parser.parse_args()
    figures = measure(256, 1) if options.quick else measure(options.patches, 3)
    text = json.dumps(figures, indent=2)
    print(text)
    console.print(f"{figures['ratio_vs_plain_loop']:.1f} times the plain loop; at least 3 wanted")
    if options.json:
        options.json.write_text(text)


if __name__ == "__main__":
    main()
