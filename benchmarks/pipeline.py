"""Where the time of a whole run goes, what a rerun costs, and how memory grows with the patches.

    python benchmarks/pipeline.py [--quick] [--json FILE]

Runs `pcam train --recipe demo` on generated patches as a user would: first into an empty folder,
then again with everything done. Then, with one model and few training steps, on more and more
patches: memory must not follow. Memory is what the run's processes, embedded server included, have
for themselves; pages of mapped files, which the system takes back when it wants, are left out.
"""

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from machine import machine
from rich.console import Console
from rich.table import Table

from pcam_core.synth import write_dataset

PCAM = Path(sys.executable).with_name("pcam")
SHORT = [
    '--set=compare.models=["custom_cnn"]',
    *(
        f"--set={stage}.training.{field}={value}"
        for stage in ("compare", "tune", "crossvalidate", "final")
        for field, value in (("max_steps", 3), ("epochs", 2))
    ),
]
console = Console()


def run(data: Path, out: Path, *changes: str) -> tuple[float, dict[str, float]]:
    """Run the demo recipe.

    Returns:
        Seconds, and the highest memory in MB by the stage that was at work ("" between stages).
    """
    command = [PCAM, "train", "--recipe", "demo", "--data", data, "--out", out, *changes]
    start = time.monotonic()
    with (out.parent / "log.txt").open("a") as log:
        process = psutil.Popen(list(map(str, command)), stdout=log, stderr=log)
        peaks: dict[str, float] = {}
        while process.poll() is None:
            at_work = [path.name for path in (out / "artifacts/.building").glob("*-*/")]
            stage = at_work[0].rpartition("-")[0] if at_work else ""
            peaks[stage] = max(peaks.get(stage, 0), memory(process))
            time.sleep(0.1)
    seconds = time.monotonic() - start
    if process.returncode:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{(out.parent / 'log.txt').read_text()}")
    return seconds, peaks


def memory(process: psutil.Process) -> float:
    """Return the own memory of a process and its children in MB."""
    total = 0
    try:
        for part in (process, *process.children(recursive=True)):
            told = part.memory_info()
            total += told.rss - getattr(told, "shared", 0)
    except psutil.NoSuchProcess:
        return 0  # it ended meanwhile
    return total / 1e6


def stage_seconds(out: Path) -> dict[str, float]:
    """Return how long each stage took, in the order in which they ended."""
    manifests = sorted(out.glob("artifacts/*/manifest.json"), key=lambda path: path.stat().st_mtime)
    told = [json.loads(path.read_text()) for path in manifests]
    return {manifest["stage"]: manifest["seconds"] for manifest in told}


def measure(folder: Path, quick: bool) -> dict[str, Any]:
    """Return the figures; see the module's docstring."""
    count, changes = (400, SHORT) if quick else (800, [])
    data, out = folder / "data", folder / "run" / "out"
    out.mkdir(parents=True)
    write_dataset(data, train=count, test=count // 5, seed=42)
    console.print(f"A first run on {count:,} patches ...")
    total, peaks = run(data, out, *changes)
    console.print("The same again ...")
    cached, _ = run(data, out, *changes)
    figures: dict[str, Any] = {
        "machine": machine(),
        "patches": count,
        "total_s": total,
        "cached_s": cached,
        "peak_mb": max(peaks.values()),
        "stages": stage_seconds(out),
        "stages_peak_mb": peaks,
    }
    growth = {}
    for count in () if quick else (500, 2000, 8000):
        console.print(f"Memory with {count:,} patches ...")
        data, out = folder / f"data{count}", folder / f"run{count}" / "out"
        out.mkdir(parents=True)
        write_dataset(data, train=count, test=count // 5, seed=42)
        growth[count] = run(data, out, *SHORT)[1]
    figures["growth_peak_mb"] = growth
    return figures


def show(figures: dict[str, Any]) -> None:
    """Print the figures as tables."""
    stages, peaks = figures["stages"], figures["stages_peak_mb"]
    table = Table("stage", title=f"demo recipe, {figures['patches']:,} patches")
    for name in ("seconds", "share", "peak MB"):
        table.add_column(name, justify="right")
    rest = figures["total_s"] - sum(stages.values())
    for stage, seconds in {**stages, "start, server, bookkeeping": rest}.items():
        peak = f"{peaks[stage]:,.0f}" if stage in peaks else ""
        table.add_row(stage, f"{seconds:.1f}", f"{seconds / figures['total_s']:.0%}", peak)
    table.add_section()
    table.add_row("all", f"{figures['total_s']:.1f}", "100%", f"{figures['peak_mb']:,.0f}")
    ratio = figures["total_s"] / figures["cached_s"]
    table.add_row("again, all done", f"{figures['cached_s']:.1f}", f"1/{ratio:.0f}", "")
    console.print(table)
    if figures["growth_peak_mb"]:
        table = Table("stage", title="peak MB by number of patches, one model, few training steps")
        for count in figures["growth_peak_mb"]:
            table.add_column(f"{count:,}", justify="right")
        columns = figures["growth_peak_mb"].values()
        for stage in stages:
            cells = [f"{peaks[stage]:,.0f}" if stage in peaks else "" for peaks in columns]
            table.add_row(stage, *cells)
        table.add_section()
        table.add_row("all", *(f"{max(peaks.values()):,.0f}" for peaks in columns))
        console.print(table)
    console.print(figures["machine"], soft_wrap=True)


def main() -> None:
    """Measure, show, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a small run, two minutes")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), arguments.quick)
    show(figures)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
