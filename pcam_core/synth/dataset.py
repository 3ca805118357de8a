"""A generated data set in Kaggle's own layout."""

import csv
import hashlib
import json
import math
import multiprocessing
import os
import shutil
import tempfile
from collections.abc import Generator, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from pathlib import Path

from PIL import Image

from pcam_core.errors import InputError
from pcam_core.progress import Meter
from pcam_core.synth.draws import generator
from pcam_core.synth.patch import Patch, draw_patch
from pcam_core.synth.slide import SPLITS, Slide, draw_slide, slide_number
from pcam_core.writable import check_writable

VERSION = 1
"""Version of the generator; a change of any pixel or id raises it."""

_RECORD = "synth.json"
_SHARD = 128
_WORTH_PROCESSES = 6_000


@dataclass(frozen=True)
class _Shard:
    """Patches `start` to `stop` of one split, written by one process at a time."""

    folder: Path
    seed: int
    split: str
    start: int
    stop: int


_Row = tuple[str, int, str]


def generate(seed: int, split: str, index: int) -> Patch:
    """Patch `index` of a split, the same however many patches the data set has.

    Args:
        seed: Seed of the data set, >= 0.
        split: "train" or "test".
        index: 0, 1, ...

    Raises:
        ValueError: For an unknown split, or a negative seed or index.
    """
    slide = _slide(seed, split, slide_number(index))
    return draw_patch(generator(seed, SPLITS.index(split), 0, index), slide)


def patch_id(seed: int, split: str, index: int) -> str:
    """Id of a patch: 40 hexadecimal digits, as Kaggle's."""
    text = f"pcam-synth {VERSION} {seed} {split} {index}"
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def write_dataset(
    out: Path, *, train: int, test: int, seed: int, processes: int | None = None
) -> None:
    """Write a generated data set, or return at once where it already lies.

    `out` gets `train/<id>.tif` and `test/<id>.tif` (96x96 RGB, uncompressed), `train_labels.csv`
    (id, label), `sample_submission.csv` (id, label; all 0), `test_solution.csv` (id, label; for
    scoring only), `patch_id_wsi_full.csv` (id, wsi; both splits, which share no slide) and
    `synth.json`. It is built beside `out` and renamed into place, so that it is whole or absent.

    Args:
        out: Folder to write; absent, empty, or holding this very data set.
        train: Number of training patches, >= 1.
        test: Number of test patches, >= 0.
        seed: Whole number >= 0.
        processes: Processes that draw; None takes one, or one a core for a large set. The data
            set does not depend on it.

    Raises:
        InputError: If `out` holds something else or cannot be written, or a number is out of
            range.
    """
    if train < 1 or test < 0 or seed < 0:
        raise InputError(
            f"A data set of {train} train and {test} test patches with seed {seed} cannot be made.",
            "Ask for at least one train patch, and for no negative number.",
        )
    record = {"version": VERSION, "train": train, "test": test, "seed": seed}
    if _holds(out, record):
        return
    check_writable(out.parent)
    out.parent.mkdir(parents=True, exist_ok=True)
    building = Path(tempfile.mkdtemp(prefix=f".{out.name}.", dir=out.parent))
    try:
        building.chmod(0o755)
        _build(building, train, test, seed, processes or _processes(train + test))
        (building / _RECORD).write_text(json.dumps(record) + "\n", encoding="utf-8")
        if out.exists():
            out.rmdir()
        building.rename(out)
    except BaseException:
        shutil.rmtree(building, ignore_errors=True)
        raise


def _holds(out: Path, record: dict[str, int]) -> bool:
    """Whether `out` is this data set; InputError if it is anything else but empty."""
    if not out.exists():
        return False
    if out.is_dir():
        if not any(out.iterdir()):
            return False
        try:
            if json.loads((out / _RECORD).read_text(encoding="utf-8")) == record:
                return True
        except (OSError, ValueError):
            pass
    raise InputError(
        f"{out} already exists and is not the generated data set asked for.",
        "Name another folder, or remove this one if you no longer need it.",
    )


def _processes(patches: int) -> int:
    return (os.cpu_count() or 1) if patches >= _WORTH_PROCESSES else 1


def _build(folder: Path, train: int, test: int, seed: int, processes: int) -> None:
    for split in SPLITS:
        (folder / split).mkdir()
    meter = Meter("generate patches", train + test)
    with (
        (folder / "train_labels.csv").open("w", newline="") as train_file,
        (folder / "test_solution.csv").open("w", newline="") as solution_file,
        (folder / "sample_submission.csv").open("w", newline="") as sample_file,
        (folder / "patch_id_wsi_full.csv").open("w", newline="") as slide_file,
    ):
        tables = [
            csv.writer(file, lineterminator="\n")
            for file in (train_file, solution_file, sample_file, slide_file)
        ]
        train_labels, solution, sample, slides = tables
        for table in (train_labels, solution, sample):
            table.writerow(("id", "label"))
        slides.writerow(("id", "wsi"))
        shards = chain(_shards(folder, seed, "train", train), _shards(folder, seed, "test", test))
        with closing(_written(shards, processes)) as written:
            for shard, rows in written:
                for name, label, wsi in rows:
                    slides.writerow((name, wsi))
                    if shard.split == "train":
                        train_labels.writerow((name, label))
                    else:
                        solution.writerow((name, label))
                        sample.writerow((name, 0))
                meter.advance(len(rows))


def _shards(folder: Path, seed: int, split: str, patches: int) -> Iterator[_Shard]:
    for number in range(math.ceil(patches / _SHARD)):
        start = number * _SHARD
        yield _Shard(folder / split, seed, split, start, min(start + _SHARD, patches))


def _written(shards: Iterator[_Shard], processes: int) -> Generator[tuple[_Shard, list[_Row]]]:
    """The shards in order, each with its rows, once its pictures are on disk."""
    if processes == 1:
        for shard in shards:
            yield shard, _write_shard(shard)
        return
    work = list(shards)
    # A fork after Keras or TensorFlow has run hangs.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context) as pool:
        try:
            yield from zip(work, pool.map(_write_shard, work), strict=True)
        finally:
            pool.shutdown(cancel_futures=True)


def _write_shard(shard: _Shard) -> list[_Row]:
    rows = []
    for index in range(shard.start, shard.stop):
        patch = generate(shard.seed, shard.split, index)
        name = patch_id(shard.seed, shard.split, index)
        Image.fromarray(patch.image).save(shard.folder / f"{name}.tif")
        slide = _slide(shard.seed, shard.split, slide_number(index))
        rows.append((name, patch.label, slide.name))
    return rows


@lru_cache(maxsize=512)
def _slide(seed: int, split: str, number: int) -> Slide:
    return draw_slide(seed, split, number)
