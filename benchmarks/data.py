"""How fast data is measured and checked, and whether memory grows with the patches.

    python benchmarks/data.py [--quick] [--json FILE]

Measuring (what the gate does with every patch) is compared, in the same run, with the loop that
one writes in a notebook: Pillow opens a file, numpy computes the same properties, a DataFrame takes
them. Both read from a warm disk and leave Great Expectations out; each runs in a process of its
own, three times in turn, and the median counts. Then both stages of the gate, Great Expectations
included, in a process of their own; and the labels alone on the 205,187 real rows of
`../shared/pcam_sample`, where that is. Last, how patches that share pixels are found there; see
`overlap.py`.
"""

import argparse
import json
import resource
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from hashlib import blake2b
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from machine import machine
from overlap import measure_overlap
from PIL import Image
from rich.console import Console
from rich.table import Table

from pcam_core.datasets.dataset import Dataset, Part, Tables
from pcam_core.datasets.kaggle_folder import KaggleFolder
from pcam_core.patches import Pixels
from pcam_core.stages.gate import gate
from pcam_core.stages.gate_expectations import GateSettings
from pcam_core.stages.labels import labels
from pcam_core.synth import generate
from pcam_core.validation.expectations import great_expectations
from pcam_core.validation.properties import PROPERTIES, WHITE, measure_all

SAMPLE = Path(__file__).parents[2] / "shared" / "pcam_sample" / "kaggle_train_labels_known.csv.gz"
COUNTS = (1_000, 5_000, 20_000)
_DRAWN = 200
_TIMES = 3
console = Console()


def write_patches(folder: Path, patches: int) -> None:
    """Write different patches in Kaggle's layout: generated ones, turned, flipped and shifted."""
    for part in ("train", "test"):
        (folder / part).mkdir(parents=True)
    drawn = [generate(11, "train", number).image for number in range(_DRAWN)]
    rows = []
    for number in range(patches):
        pixels = np.rot90(drawn[number % _DRAWN], number // _DRAWN % 4)
        pixels = np.roll(pixels, number // _DRAWN // 4, axis=1)
        Image.fromarray(pixels).save(folder / "train" / f"p{number:06}.tif")
        rows.append(f"p{number:06},{number % 2}\n")
    Image.fromarray(drawn[0] // 2).save(folder / "test" / "t0.tif")
    (folder / "train_labels.csv").write_text("id,label\n" + "".join(rows))


def pillow_loop(folder: Path) -> pd.DataFrame:
    """Measure as one does in a notebook."""
    rows = []
    for path in sorted((folder / "train").glob("*.tif")):
        with Image.open(path) as image:
            size, mode = image.size, image.mode
            pixels = np.asarray(image)
        row = {"id": path.stem, "width": size[0], "height": size[1], "mode": mode}
        for channel, name in enumerate("rgb"):
            row[f"mean_{name}"] = pixels[..., channel].mean()
            row[f"std_{name}"] = pixels[..., channel].std()
        row["white"] = (pixels > WHITE).all(axis=-1).mean()
        row["spread"] = np.ptp(pixels, axis=(0, 1)).max()
        row["brightest"] = pixels.max()
        row["hash"] = blake2b(pixels.tobytes(), digest_size=8).hexdigest()
        rows.append(row)
    return pd.DataFrame(rows)


def ours(folder: Path) -> pd.DataFrame:
    """Measure as the gate does."""
    data = opened(folder)
    ids = data.patch_ids("train")

    def decode(part: str, patch_id: str) -> Pixels:
        return data.decode("train" if part == "train" else "test", patch_id)

    measured, _ = measure_all(decode, [("train", patch_id) for patch_id in ids])
    return pd.DataFrame({"id": ids} | {name: measured[name] for name in PROPERTIES.names or ()})


def opened(folder: Path) -> KaggleFolder:
    """Open without hashing the files, which is not what is measured."""
    return KaggleFolder(address=str(folder), path=folder, key="benchmark")


def whole_gate(folder: Path) -> None:
    """Run both stages."""
    with tempfile.TemporaryDirectory() as root:
        table = labels.build(Path(root), data=opened(folder))
        data = opened(folder)
        gate.build(Path(root), data=data, labels=table, settings=GateSettings())


class TableOnly(Dataset):
    """A real label table with the names of its files, and no file."""

    def tables(self) -> Tables:
        """Read the table."""
        return Tables(pd.read_csv(SAMPLE, dtype=str), ["t0"], "train_labels.csv", "sample.csv")

    def patch_ids(self, part: Part) -> list[str]:
        """Name a file for each row."""
        return sorted(self.tables().labels["id"]) if part == "train" else ["t0"]

    def place(self, part: Part, patch_id: str) -> str:
        """Name a file."""
        return f"{part}/{patch_id}.tif"

    def decode(self, part: Part, patch_id: str) -> Pixels:
        """There is none."""
        raise ValueError(self.place(part, patch_id))


def gate_of_labels() -> float:
    """Return the seconds of the stage `labels` on the real table, once GX has been imported."""
    great_expectations()
    with tempfile.TemporaryDirectory() as root:
        start = time.monotonic()
        labels.build(Path(root), data=TableOnly(address="table", key="benchmark"))
        return time.monotonic() - start


def timed(what: str, folder: Path) -> dict[str, float]:
    """Return the seconds and the peak in MB of a function of this file, in this process."""
    start = time.monotonic()
    found = globals()[what](folder)
    seconds = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    del found
    return {"s": seconds, "peak_mb": peak * 1024 / 1e6}


def apart(what: str, *arguments: Any) -> Any:
    """Return what a function of this file returns in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(globals()[what], *arguments).result()


def measure(folder: Path, quick: bool) -> dict[str, Any]:
    """Return the figures; see the module's docstring."""
    counts = COUNTS[:1] if quick else COUNTS
    figures: dict[str, Any] = {"machine": machine(), "patches": {}}
    for patches in counts:
        console.print(f"{patches:,} patches ...")
        data = folder / str(patches)
        write_patches(data, patches)
        runs: dict[str, list[dict[str, float]]] = {"ours": [], "pillow_loop": []}
        for _ in range(_TIMES):
            for what, found in runs.items():
                found.append(apart("timed", what, data))
        seconds = {
            what: statistics.median(run["s"] for run in found) for what, found in runs.items()
        }
        whole = apart("timed", "whole_gate", data)
        figures["patches"][patches] = {
            "patches_a_s": patches / seconds["ours"],
            "pillow_loop_patches_a_s": patches / seconds["pillow_loop"],
            "ratio": seconds["pillow_loop"] / seconds["ours"],
            "measure_peak_mb": statistics.median(run["peak_mb"] for run in runs["ours"]),
            "loop_peak_mb": statistics.median(run["peak_mb"] for run in runs["pillow_loop"]),
            "gate_s": whole["s"],
            "gate_peak_mb": whole["peak_mb"],
        }
    largest = figures["patches"][counts[-1]]
    figures["validate_ratio_vs_pillow_loop"] = largest["ratio"]
    figures["validate_peak_mb"] = largest["gate_peak_mb"]
    figures["gate_205k_s"] = apart("gate_of_labels") if SAMPLE.is_file() else None
    if SAMPLE.is_file() and not quick:
        console.print("Patches that share pixels ...")
        figures |= measure_overlap()
    return figures


def show(figures: dict[str, Any]) -> None:
    """Print the figures as a table."""
    table = Table("", title="measuring patches, and the whole gate")
    for patches in figures["patches"]:
        table.add_column(f"{patches:,}", justify="right")
    names = {
        "patches_a_s": "patches a second",
        "pillow_loop_patches_a_s": "the same by a Pillow loop",
        "ratio": "ratio",
        "measure_peak_mb": "peak memory, MB",
        "loop_peak_mb": "that of the loop, MB",
        "gate_s": "both stages with Great Expectations, s",
        "gate_peak_mb": "their peak, MB",
    }
    for name, meaning in names.items():
        values = [found[name] for found in figures["patches"].values()]
        table.add_row(meaning, *(f"{value:,.{1 if value < 100 else 0}f}" for value in values))
    console.print(table)
    seconds = figures["gate_205k_s"]
    told = f"{seconds:.1f} s" if seconds else f"not measured: {SAMPLE} is not there"
    console.print(f"Labels of 205,187 real patches: {told}")
    for name in ("overlap_precision", "overlap_recall", "overlap_s_per_1000"):
        if name in figures:
            console.print(f"{name}: {figures[name]:.3f}")
    console.print(figures["machine"], soft_wrap=True)


def main() -> None:
    """Measure, show, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="1,000 patches only")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), arguments.quick)
    show(figures)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
