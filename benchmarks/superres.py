"""How fast patches are enlarged and stored: the source notebook's loop against the stage `prepare`.

    python benchmarks/superres.py [--quick] [--upscaler FOLDER] [--json FILE]

On generated patches, with the public ESRGAN SavedModel (random weights do: the cost is the same):

- the notebook's way: one call of `hub.load`'s graph a patch, clip, cast, Pillow's LANCZOS to 224
  pixels, one TIFF a patch;
- ours: the stage `prepare` (decode in parallel, batched network, uint8 shards of 128 pixels);
- the network alone, with its effective FLOP/s against a large convolution of the same precision
  on the same device.

Ours is measured in float32, the notebook's own arithmetic, and in the half precision that
`prepare.precision = "auto"` takes on this machine, if it takes one, with its PSNR against float32.
Neighbours on a shared machine hit all alike only if all take turns: the ways run in rounds, the
network and the convolution call by call; ratios are medians over turns. Rates leave out start, plan
and compilation, which are told apart: ours is the rate that the stage itself tells, from the first
patch that it decodes on.
"""

import argparse
import json
import multiprocessing
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
from ceiling import Measured, in_turns, large_convolution, share
from machine import machine
from rich.console import Console
from rich.table import Table

from pcam_core.precision import Precision, inference_precision
from pcam_core.synth import write_dataset

SHARED = Path(__file__).resolve().parents[2] / "shared" / "superres" / "esrgan-tf2-random"
ALL_PATCHES = 277_483
CROP, SIDE, FINAL = 32, 128, 224
LIKE = 64  # patches on which precisions are compared
console = Console()


def notebook_loop(data: Path, out: Path, upscaler: str, count: int) -> dict[str, float]:
    """Enlarge the `count` patches one after the other, as the source notebook does."""
    import warnings

    import tensorflow as tf
    from PIL import Image

    warnings.simplefilter("ignore")
    import tensorflow_hub as hub

    start = time.perf_counter()
    graph = hub.load(upscaler).signatures["serving_default"]
    graph(tf.zeros((1, CROP, CROP, 3)))
    started = time.perf_counter()
    edge = (96 - CROP) // 2
    files = sorted((data / "train").iterdir()) + sorted((data / "test").iterdir())
    for file in files:
        with Image.open(file) as image:
            crop = image.crop((edge, edge, edge + CROP, edge + CROP))
        batch = tf.expand_dims(tf.cast(np.asarray(crop), tf.float32), 0)
        (enlarged,) = graph(batch).values()
        levels = tf.cast(tf.clip_by_value(enlarged[0], 0, 255), tf.uint8)
        picture = Image.fromarray(levels.numpy())
        picture.resize((FINAL, FINAL), Image.Resampling.LANCZOS).save(out / file.name)
    ended = time.perf_counter()
    return {"start_s": started - start, "patches_per_s": count / (ended - started)} | spent(out)


def stage_prepare(data: Path, out: Path, changes: dict[str, Any], count: int) -> dict[str, float]:
    """Enlarge and store the `count` patches with the stage."""
    from pcam_core.artifact import Artifact
    from pcam_core.datasets.opening import open_dataset
    from pcam_core.progress import Progress, listening
    from pcam_core.stages.labels import labels
    from pcam_core.stages.prepare import PrepareSettings, prepare

    (out / "quarantine.csv").write_text("id,part,reason\n")
    source = open_dataset([str(data)], out / "known")
    found = labels.build(out, data=source)
    checked = Artifact(stage="gate", key="gate", path=out)
    settings = PrepareSettings(region=CROP, **changes)
    told: list[Progress] = []
    start = time.perf_counter()
    with listening(told.append):
        stored = prepare.build(out, data=source, labels=found, gate=checked, settings=settings)
    seconds = time.perf_counter() - start
    rate = [one.rate for one in told if one.done == one.total == count][-1]
    return {"start_s": seconds - count / rate, "patches_per_s": rate} | spent(stored.path)


def spent(folder: Path) -> dict[str, float]:
    """Return the bytes below a folder, and the highest memory of this process so far."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {
        "bytes": sum(path.stat().st_size for path in files),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }


def network_alone(
    data: Path, upscaler: str, precisions: list[Precision], rounds: int
) -> dict[str, Any]:
    """Measure the network by precision, call by call in turns with a large convolution."""
    from pcam_core.superres.likeness import enlarge, psnr
    from pcam_core.superres.plan import measure_plan
    from pcam_core.superres.upscaler import open_upscaler

    crops = np.stack([centre(file) for file in sorted((data / "train").iterdir())[:LIKE]])
    exact = enlarge(crops, open_upscaler(upscaler, (0, 255)))
    found = {}
    for precision in precisions:
        opened = open_upscaler(upscaler, (0, 255), precision=precision)
        plan = measure_plan(opened, CROP)
        patches = np.random.default_rng(0).integers(0, 256, (plan.batch, CROP, CROP, 3), np.uint8)
        work = plan.batch * network_flops(opened.model, CROP)
        network = Measured(lambda o=opened, p=patches: o(p), work)
        rates, ceiling = in_turns(rounds, [network, large_convolution(precision)])
        found[precision] = {
            "batch": plan.batch,
            "jit": plan.jit,
            "device": plan.device,
            "patches_per_s": statistics.median(rates) / work * plan.batch,
            "gflops": statistics.median(rates) / 1e9,
            "ceiling_gflops": statistics.median(ceiling) / 1e9,
            "share_of_conv_ceiling": share(rates, ceiling),
        }
        if precision != "float32":
            found[precision]["psnr_db"] = psnr(enlarge(crops, opened), exact)
    return found


def centre(file: Path) -> Any:
    """Return the centre of a patch, uint8 (32, 32, 3)."""
    from pcam_core.patches import read_patch
    from pcam_core.stages.enlarging import centre

    return centre(read_patch(file), CROP)


def network_flops(model: Any, side: int) -> float:
    """Return the floating-point operations of the convolutions for one patch."""
    import keras

    from pcam_core.models.layers import all_layers

    total, shown = 0.0, {}
    for layer in all_layers(model):
        if isinstance(layer, keras.layers.InputLayer):
            shown[layer.name] = side
            continue
        # The generator only enlarges: a layer's input has the side of what it comes from.
        sources = [tensor._keras_history.operation.name for tensor in flat(layer.input)]
        before = shown[sources[0]]
        transposed = isinstance(layer, keras.layers.Conv2DTranspose)
        shown[layer.name] = before * (layer.strides[0] if transposed else 1)
        if isinstance(layer, (keras.layers.Conv2D, keras.layers.Conv2DTranspose)):
            total += 2 * np.prod(layer.kernel.shape) * before**2
    return total


def flat(tensors: Any) -> list[Any]:
    """Return a list of one tensor or many."""
    return list(tensors) if isinstance(tensors, (list, tuple)) else [tensors]


def alone(work: Callable[..., Any], *arguments: Any) -> Any:
    """Run a function in a process of its own, so that its memory can be told."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(work, *arguments).result()


def measure(root: Path, upscaler: str, quick: bool) -> dict[str, Any]:
    """Return the figures; see the module's docstring."""
    # A few to predict, as the layout wants it: one batch full, so that none is filled up.
    predicted, rounds = 8, 1 if quick else 3
    count = 48 if quick else 248
    data = root / "data"
    write_dataset(data, train=count - predicted, test=predicted, seed=42)
    precisions: list[Precision] = ["float32"]
    if inference_precision() != "float32":
        precisions.append(inference_precision())
    ways: dict[str, list[dict[str, float]]] = {}
    for number in range(rounds):
        console.print(f"Round {number + 1} of {rounds} ...")

        def keep(way: str, work: Callable[..., dict[str, float]], told: Any, number: int = number):
            out = root / f"{way}{number}"
            out.mkdir()
            ways.setdefault(way, []).append(alone(work, data, out, told, count))

        keep("notebook", notebook_loop, upscaler)
        for precision in precisions:
            keep(precision, stage_prepare, {"upscaler": upscaler, "precision": precision})
    console.print("The network alone ...")
    network = alone(network_alone, data, upscaler, precisions, 8 if quick else 20)
    rows = {
        way: {name: statistics.median(one[name] for one in found) for name in found[0]}
        for way, found in ways.items()
    }
    for way, row in rows.items():
        # Within one round, since the neighbours change from round to round.
        pairs = zip(ways[way], ways["notebook"], strict=True)
        row["ratio_vs_notebook_loop"] = statistics.median(
            one["patches_per_s"] / other["patches_per_s"] for one, other in pairs
        )
        row["bytes_per_patch"] = row["bytes"] / count
        row["hours_for_all"] = ALL_PATCHES / row["patches_per_s"] / 3600
    # What `auto` takes here; float32 is told beside it.
    precision = precisions[-1]
    ours = rows[precision]
    return {
        "machine": machine(),
        "patches": count,
        "precision": precision,
        "ratio_vs_notebook_loop": ours["ratio_vs_notebook_loop"],
        "share_of_conv_ceiling": network[precision]["share_of_conv_ceiling"],
        "bytes_ratio": ours["bytes_per_patch"] / rows["notebook"]["bytes_per_patch"],
        "patches_per_s": ours["patches_per_s"],
        "peak_mb": ours["peak_mb"],
        "psnr_db": network[precision].get("psnr_db"),
        "ways": rows,
        "network": network,
    }


SHOWN = {
    "patches/s": "patches_per_s",
    "times the notebook's loop": "ratio_vs_notebook_loop",
    "hours for all 277,483": "hours_for_all",
    "seconds to start": "start_s",
    "peak MB": "peak_mb",
    "bytes/patch": "bytes_per_patch",
}
SHOWN_OF_NETWORK = {
    "network alone: batch": "batch",
    "network alone: patches/s": "patches_per_s",
    "network alone: GFLOP/s": "gflops",
    "large convolution: GFLOP/s": "ceiling_gflops",
    "share of it": "share_of_conv_ceiling",
    "PSNR against float32, dB": "psnr_db",
}


def show(figures: dict[str, Any]) -> None:
    """Print the figures as one table."""
    columns = ["notebook", *figures["network"]]
    table = Table("", title=f"ESRGAN, {CROP} to {SIDE} px, {figures['patches']} patches a round")
    for way in columns:
        name = "notebook's loop" if way == "notebook" else f"prepare, {way}"
        table.add_column(name, justify="right")
    for part, shown in (("ways", SHOWN), ("network", SHOWN_OF_NETWORK)):
        for label, name in shown.items():
            told = [figures[part].get(way, {}).get(name) for way in columns]
            table.add_row(label, *("" if value is None else brief(value) for value in told))
        table.add_section()
    console.print(table)
    names = ("ratio_vs_notebook_loop", "share_of_conv_ceiling", "bytes_ratio")
    for precision, network in figures["network"].items():
        row = figures | figures["ways"][precision] | network
        row["bytes_ratio"] = figures["bytes_ratio"]  # the same in every precision
        told = ", ".join(f"{name} {row[name]:.3f}" for name in names)
        console.print(f"in {precision}: {told}")
    console.print(figures["machine"], soft_wrap=True)


def brief(value: float) -> str:
    """Return a figure with as many digits as it deserves."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.2f}"


def main() -> None:
    """Measure, show, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one small round, two minutes")
    parser.add_argument("--upscaler", default=str(SHARED), help="folder of a SavedModel")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), arguments.upscaler, arguments.quick)
    show(figures)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
