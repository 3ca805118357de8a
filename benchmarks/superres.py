"""How fast patches are enlarged and stored: the source notebook's loop against the stage `prepare`.

    python benchmarks/superres.py [--quick] [--upscaler FOLDER] [--json FILE]

On generated patches, with the public ESRGAN SavedModel (random weights do: the cost is the same):

- the notebook's way: one call of `hub.load`'s graph a patch, clip, cast, Pillow's LANCZOS to 224
  pixels, one TIFF a patch;
- ours: the stage `prepare` (decode in parallel, batched network, uint8 shards of 128 pixels);
- the network alone, in float32 and in half precision, with its effective FLOP/s against a large
  convolution of the same precision on the same device.

Neighbours on a shared machine hit all alike only if all take turns: the two ways run in rounds, the
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
from machine import machine
from rich.console import Console
from rich.table import Table

from pcam_core.synth import write_dataset

SHARED = Path(__file__).resolve().parents[2] / "shared" / "superres" / "esrgan-tf2-random"
ALL_PATCHES = 277_483
CROP, SIDE, FINAL = 32, 128, 224
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


def network_alone(upscaler: str, precisions: list[str], rounds: int) -> dict[str, Any]:
    """Measure the network by precision, call by call in turns with a large convolution."""
    import keras
    from keras import ops

    from pcam_core.superres.plan import measure_plan
    from pcam_core.superres.upscaler import open_upscaler

    found = {}
    for precision in precisions:
        opened = open_upscaler(upscaler, (0, 255), precision=precision)
        plan = measure_plan(opened, CROP)
        patches = np.random.default_rng(0).integers(0, 256, (plan.batch, CROP, CROP, 3), np.uint8)

        # Everything that a convolution can be given: many channels, and a result of one number.
        kernel = ops.ones((3, 3, 256, 256), precision)
        pictures = ops.ones((8, CROP, CROP, 256), precision)
        inputs = keras.Input((CROP, CROP, 256), dtype=precision)
        layer = keras.layers.Lambda(
            lambda x, w=kernel: ops.max(ops.conv(x, w, padding="same"), axis=(1, 2, 3)),
            dtype=precision,
        )
        large = keras.Model(inputs, layer(inputs))
        large.compile(jit_compile=opened.jit_choices()[0])

        ours = timed(
            rounds,
            lambda o=opened, p=patches: o(p),
            lambda m=large, x=pictures: m.predict_on_batch(x),
        )
        work = plan.batch * network_flops(opened.model, CROP)
        most = 2 * 8 * CROP**2 * 9 * 256**2
        network, ceiling = (statistics.median(times) for times in ours)
        # Pair by pair: what neighbours take, they take from both.
        share = statistics.median(
            (work / one) / (most / other) for one, other in zip(*ours, strict=True)
        )
        found[precision] = {
            "batch": plan.batch,
            "jit": plan.jit,
            "device": plan.device,
            "patches_per_s": plan.batch / network,
            "gflops": work / network / 1e9,
            "ceiling_gflops": most / ceiling / 1e9,
            "share_of_conv_ceiling": share,
        }
    return found


def timed(rounds: int, *works: Callable[[], Any]) -> list[list[float]]:
    """Return the seconds of each call, all in turns, after one call each that compiles."""
    seconds: list[list[float]] = [[] for _ in works]
    for number in range(rounds + 1):
        for work, times in zip(works, seconds, strict=True):
            start = time.perf_counter()
            work()
            if number:
                times.append(time.perf_counter() - start)
    return seconds


def network_flops(model: Any, side: int) -> float:
    """Return the floating-point operations of the convolutions for one patch."""
    import keras

    total, shown = 0.0, {}
    for layer in model.layers:
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
    precisions = ["float32", "bfloat16"]
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
    network = alone(network_alone, upscaler, precisions, 8 if quick else 20)
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
    # The notebook's own arithmetic, and what `auto` takes on a CPU; the other is told beside it.
    ours = rows["float32"]
    return {
        "machine": machine(),
        "patches": count,
        "precision": "float32",
        "ratio_vs_notebook_loop": ours["ratio_vs_notebook_loop"],
        "share_of_conv_ceiling": network["float32"]["share_of_conv_ceiling"],
        "bytes_ratio": ours["bytes_per_patch"] / rows["notebook"]["bytes_per_patch"],
        "patches_per_s": ours["patches_per_s"],
        "peak_mb": ours["peak_mb"],
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
    told = ", ".join(f"{name} {figures[name]:.3f}" for name in names)
    console.print(f"in {figures['precision']}: {told}")
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
