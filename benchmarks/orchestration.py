"""What Prefect and the artifact layer add to a run, and how soon a triggered run runs.

    python benchmarks/orchestration.py [--quick] [--json FILE]

The demo recipe on generated patches, trained for some ten minutes: `pcam train` (embedded Prefect
server, tasks, locks, checksums, manifests, MLflow, the record of the run), and the same functions
called one after the other in a plain process, with nothing but the figures that the next one reads
kept beside its files. Overhead is the difference, start of the processes included; the import of
Prefect, which the wiring of the stages brings along, is taken off the plain process. The work
itself varies by more than that between two runs here, so that it is taken out: compared is what a
whole process takes beyond the seconds that the functions themselves took in it. `difference_s` is
the plain difference, work included. With --quick a short run, whose overhead is related to ten
minutes: it is as many stages. Then `pcam train` again with everything done, and a service started
by `pcam up`, whose worker is given runs: from the answer to the request until the run is Running.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from machine import machine
from pipeline import PCAM, SHORT, stage_seconds
from rich.console import Console
from rich.table import Table

from pcam_core.synth import write_dataset

TEN_MINUTES_S = 600.0
LONG = [
    "--set=compare.training.epochs=24",
    "--set=crossvalidate.training.epochs=40",
    "--set=final.training.epochs=150",
    "--set=final.training.stop_patience=150",
]
TRIGGERS = 3
console = Console()


def call_directly(data: Path, out: Path, changes: list[str]) -> None:
    """Call every stage's function in turn; print the seconds of all, and of Prefect's import."""
    start = time.monotonic()
    import prefect  # noqa: F401 - to be timed

    imported = time.monotonic() - start
    from flows.pipeline import pipeline
    from pcam_core.artifact import MANIFEST, Artifact
    from pcam_core.datasets.opening import open_dataset
    from pcam_core.recipe import load_recipe

    seconds = []

    def do(task: Any, **inputs: Any) -> Artifact:
        stage = task.stage
        folder = out / stage.name
        folder.mkdir(parents=True)
        start = time.monotonic()
        figures = stage.function(folder, **inputs)
        seconds.append(time.monotonic() - start)
        told = {"figures": figures, "seconds": seconds[-1], "files": {}, "finished": "now"}
        (folder / MANIFEST).write_text(json.dumps(told))
        return Artifact(stage=stage.name, key=f"{len(seconds):064x}", path=folder)

    opened = open_dataset([str(data)], out / "cache")
    recipe = load_recipe("demo", dict(_changed(changes)))
    pipeline(do, opened, recipe, str(out / "object-store"))
    print(json.dumps([sum(seconds), imported]))


def _changed(changes: list[str]) -> Iterator[tuple[str, Any]]:
    for change in changes:
        name, value = change.removeprefix("--set=").split("=", 1)
        yield name, json.loads(value)


def beyond_direct(data: Path, out: Path, changes: list[str]) -> tuple[float, float]:
    """Return the seconds of a plain process, and those of them that the functions did not take."""
    command = [sys.executable, __file__, "--direct", data, out, *changes]
    start = time.monotonic()
    done = run(list(map(str, command)))
    work, imported = json.loads(done.splitlines()[-1])
    whole = time.monotonic() - start - imported
    return whole, whole - work


def beyond_orchestrated(data: Path, out: Path, changes: list[str]) -> tuple[float, float]:
    """Return the same of `pcam train`."""
    start = time.monotonic()
    train(data, out, changes)
    whole = time.monotonic() - start
    return whole, whole - sum(stage_seconds(out).values())


def train(data: Path, out: Path, changes: list[str]) -> None:
    """Run `pcam train`."""
    run([str(PCAM), "train", "--recipe=demo", f"--data={data}", f"--out={out}", *changes])


def run(command: list[str]) -> str:
    """Return what a command prints; end with its errors if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stderr}")
    return done.stdout


@contextmanager
def service(home: Path) -> Iterator[None]:
    """Start `pcam up`, wait until it is up, and stop it in the end."""
    log = home.parent / "up.log"
    command = [str(PCAM), "up", f"--home={home}", "--port=4311", "--mlflow-port=4312"]
    with log.open("w") as output:
        running = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
        try:
            while "Ctrl-C" not in log.read_text():
                if running.poll() is not None:
                    sys.exit(f"{' '.join(command)} failed:\n{log.read_text()}")
                time.sleep(0.5)
            yield
        finally:
            running.terminate()
            running.wait()


def trigger_to_running(home: Path) -> float:
    """Return the seconds from a request to Running, the median of some runs one after another."""
    waited = []
    with service(home):
        for number in range(TRIGGERS):
            asked = f"--data=synth:train=40,test=8,seed={number}"
            told = run([str(PCAM), "trigger", "validate", asked, "--json", f"--home={home}"])
            waited.append(_waited(json.loads(told)["id"]))
    return statistics.median(waited)


def _waited(flow_run: str) -> float:
    os.environ["PREFECT_API_URL"] = "http://127.0.0.1:4311/api"
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        found = client.read_flow_run(flow_run)
    assert found.created
    assert found.start_time
    return float((found.start_time - found.created).total_seconds())


def measure(root: Path, quick: bool) -> dict[str, Any]:
    """Return the figures; see the module's docstring."""
    count, changes = (400, SHORT) if quick else (800, LONG)
    data = root / "data"
    write_dataset(data, train=count, test=count // 5, seed=42)
    console.print("Directly ...")
    direct, direct_rest = beyond_direct(data, root / "direct", changes)
    console.print("By pcam train ...")
    out = root / "orchestrated"
    orchestrated, orchestrated_rest = beyond_orchestrated(data, out, changes)
    console.print("The same again ...")
    start = time.monotonic()
    train(data, out, changes)
    cached = time.monotonic() - start
    console.print("Triggering ...")
    overhead = orchestrated_rest - direct_rest
    return {
        "machine": machine(),
        "direct_s": direct,
        "orchestrated_s": orchestrated,
        "difference_s": orchestrated - direct,
        "overhead_s": overhead,
        "overhead_share": overhead / (TEN_MINUTES_S if quick else direct),
        "cached_rerun_s": cached,
        "trigger_to_running_s": trigger_to_running(root / "service"),
    }


def main() -> None:
    """Measure, show, and write the figures."""
    if sys.argv[1:2] == ["--direct"]:
        return call_directly(Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--quick", action="store_true", help="a short run, some four minutes in all"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), arguments.quick)
    table = Table("figure", "value", title="Orchestration")
    for name, value in figures.items():
        if name != "machine":
            table.add_row(name, f"{value:.1%}" if name.endswith("share") else f"{value:.1f}")
    console.print(table)
    console.print(figures["machine"], soft_wrap=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    return None


if __name__ == "__main__":
    main()
