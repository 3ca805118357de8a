"""How well and how fast patches that share pixels are found.

    python benchmarks/overlap.py [--quick] [--json FILE] [--sizes N ...] [--sample DIR]

First the real sample, from its TIFF files, against its column `overlap_group`, which another
method made. Then time and memory with more and more patches, cut at random places of PCam's grid
of 16 pixels out of a sheet of real patches laid side by side, as densely as PCam itself: 15
overlaps a patch (the sample holds 1 in 37 patches and 1 in 37 of the overlaps of each: .40).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import pandas as pd
import psutil
from machine import machine
from rich.console import Console
from rich.table import Table
from scipy.spatial import cKDTree

from pcam_core.overlap import find_overlaps, overlap_groups
from pcam_core.patches import Pixels, in_parallel, read_patch

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT.parent / "shared" / "pcam_sample"
PCAM = 220_025
SIZES = (1_000, 5_000, 20_000)
GRID, SIDE, SHEET = 16, 96, 60  # pixels, pixels, patches across a sheet
DENSITY = 0.125  # patches a place of the grid: 15 of the 120 places around a patch are taken
console = Console()


def measure_overlap(sample: Path = SAMPLE, sizes: Sequence[int] = SIZES) -> dict[str, Any]:
    """Return the figures; see the module's docstring.

    Args:
        sample: Folder of the real sample with patches.csv and unpack.py.
        sizes: Numbers of patches to measure growth with, rising.

    Returns:
        overlap_precision and overlap_recall, of pairs that are in one group, detected against
        the column; overlap_direct_pairs, detected with shared pixels of their own, and
        overlap_direct_precision, the share of them that the column has in one group;
        overlap_s_per_1000 on the sample, decoding included; overlap_growth, by size: seconds,
        peak_mb, pairs, planted, found; overlap_hours_full and overlap_gb_full for PCam's 220,025.
    """
    with tempfile.TemporaryDirectory() as folder:
        unpack = [sys.executable, str(sample / "unpack.py"), folder]
        subprocess.run(unpack, check=True, stdout=subprocess.DEVNULL)
        paths = {path.stem: path for path in Path(folder).glob("t*/*.tif")}
        figures, groups = _against_the_column(paths, sample)
        alone = sorted(set(groups.values()))  # one of each group: they share nothing
        start = time.monotonic()
        pixels = list(in_parallel(read_patch, [paths[name] for name in alone], 256))
        decode = (time.monotonic() - start) / len(alone)
    growth = {size: _grown(pixels, size) for size in sizes}
    last = growth[sizes[-1]]
    seconds = PCAM / sizes[-1] * (last["seconds"] + decode * last["asked"])
    figures["overlap_growth"] = growth
    figures["overlap_hours_full"] = seconds / 3600
    figures["overlap_gb_full"] = last["peak_mb"] / 1000 * PCAM / sizes[-1]
    return figures


def _against_the_column(
    paths: dict[str, Path], sample: Path
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return figures and the detected group of each patch."""
    table = pd.read_csv(sample / "patches.csv", index_col="id")["overlap_group"]

    def patches(ids: Sequence[str]) -> Iterator[Pixels]:
        return in_parallel(read_patch, [paths[name] for name in ids], 256)

    start = time.monotonic()
    pairs = find_overlaps(list(paths), patches)
    groups = overlap_groups(list(paths), pairs)
    seconds = time.monotonic() - start
    column = table.loc[list(groups)]
    found = pd.Series(groups)
    both = _pairs_within(column.astype(str) + " " + found)
    same = table.loc[pairs["first"]].to_numpy() == table.loc[pairs["second"]].to_numpy()
    figures = {
        "overlap_precision": both / _pairs_within(found),
        "overlap_recall": both / _pairs_within(column),
        "overlap_pairs": _pairs_within(found),
        "overlap_column_pairs": _pairs_within(column),
        "overlap_direct_pairs": len(pairs),
        "overlap_direct_precision": float(same.mean()),
        "overlap_smallest_pixels": int(pairs["shared_pixels"].min()),
        "overlap_s_per_1000": seconds / len(paths) * 1000,
    }
    return figures, groups


def _pairs_within(groups: "pd.Series[Any]") -> int:
    """Return the number of pairs that are in one group."""
    sizes = groups.value_counts().to_numpy()
    return int((sizes * (sizes - 1) // 2).sum())


def _grown(pixels: Sequence[Pixels], count: int) -> dict[str, float]:
    """Measure `count` patches cut out of a sheet of real ones."""
    sheet, places = _sheet(pixels, count)
    names = [f"{index:07}" for index in range(count)]

    asked = 0

    def patches(ids: Sequence[str]) -> Iterable[Pixels]:
        nonlocal asked
        asked += len(ids)
        for name in ids:
            y, x = places[int(name)]
            yield sheet[y : y + SIDE, x : x + SIDE]

    with peak_mb() as peak:
        start = time.monotonic()
        pairs = find_overlaps(names, patches)
        seconds = time.monotonic() - start
    planted = cKDTree(places).query_pairs(SIDE - GRID, p=np.inf, output_type="ndarray")
    shifts = places[planted[:, 1]] - places[planted[:, 0]]
    truth = {(*pair, *shift) for pair, shift in zip(planted.tolist(), shifts.tolist(), strict=True)}
    ends = (pairs[end].astype(int) for end in ("first", "second"))
    found = set(zip(*ends, pairs["dy"], pairs["dx"], strict=True))
    return {
        "seconds": seconds,
        "peak_mb": peak(),
        "pairs": len(pairs),
        "planted": len(truth),
        "found": len(truth & found),
        "asked": asked,
    }


def _sheet(pixels: Sequence[Pixels], count: int) -> tuple[Pixels, Any]:
    """Return a sheet and the upper left pixels (count, 2) of patches in it."""
    rows = int(np.ceil(count / DENSITY * GRID**2 / SIDE**2 / SHEET)) + 1
    tiles = np.stack([pixels[index % len(pixels)] for index in range(rows * SHEET)])
    # Further rounds show each patch turned, so that nothing comes twice.
    for turn in range(len(tiles) // len(pixels) + 1):
        part = slice(turn * len(pixels), (turn + 1) * len(pixels))
        tiles[part] = np.rot90(tiles[part], turn, axes=(1, 2))
    sheet = tiles.reshape(rows, SHEET, SIDE, SIDE, 3).swapaxes(1, 2)
    sheet = sheet.reshape(rows * SIDE, SHEET * SIDE, 3)
    down, across = ((length - SIDE) // GRID + 1 for length in sheet.shape[:2])
    drawn = np.random.default_rng(0).choice(down * across, count, replace=False)
    return sheet, np.stack(np.divmod(drawn, across), axis=1) * GRID


@contextmanager
def peak_mb() -> Iterator[Callable[[], float]]:
    """Give a function that tells by how many MB the process grew at most inside the block."""
    process, done, most = psutil.Process(), Event(), 0
    before = process.memory_info().rss

    def watch() -> None:
        nonlocal most
        while not done.wait(0.02):
            most = max(most, process.memory_info().rss - before)

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield lambda: most / 1e6
    finally:
        done.set()
        watcher.join()


def show(figures: dict[str, Any]) -> None:
    """Print the figures as tables."""
    table = Table("figure", title="6,000 real patches against the column overlap_group")
    table.add_column("", justify="right")
    for name, value in figures.items():
        if name != "overlap_growth" and name != "machine":
            table.add_row(name, f"{value:,.4f}" if isinstance(value, float) else f"{value:,}")
    console.print(table)
    table = Table("patches", title="growth, decoding left out")
    for name in ("seconds", "ms a patch", "peak MB", "asked for", "pairs", "of planted"):
        table.add_column(name, justify="right")
    for count, told in figures["overlap_growth"].items():
        table.add_row(
            f"{count:,}",
            f"{told['seconds']:.1f}",
            f"{told['seconds'] / count * 1000:.2f}",
            f"{told['peak_mb']:,.0f}",
            f"{told['asked'] / count:.2f} times",
            f"{told['pairs']:,}",
            f"{told['found']:,} / {told['planted']:,}",
        )
    console.print(table)
    console.print(figures["machine"], soft_wrap=True)


def main() -> None:
    """Measure, show, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a small run, half a minute")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--sizes", type=int, nargs="+", metavar="N", default=SIZES, help="patches")
    parser.add_argument("--sample", type=Path, default=SAMPLE, help="folder of the real sample")
    arguments = parser.parse_args()
    sizes = (200, 1_000) if arguments.quick else arguments.sizes
    figures = {"machine": machine(), **measure_overlap(arguments.sample, sizes)}
    show(figures)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
