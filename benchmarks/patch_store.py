"""Which file format the patch store should have: the same patches written and read in each.

    python benchmarks/patch_store.py [DIR] [--quick] [--json FILE] [--patches N]

DIR is a folder of real patches in Kaggle's layout; without one they are generated. Stored are the
centre 32x32 pixels, the whole 96x96, and the centre enlarged to 128x128 by LANCZOS. Every format
is written and read in a process of its own, one patch addressable at a time, and what comes back
is compared. Formats that are not installed are skipped, and said so: zarr and array_record are no
dependencies (`pip install --target EXTRA zarr array_record`, then PYTHONPATH=EXTRA).

Cold: before each batch the files are closed, opened afresh and told out of the page cache
(fsync, then posix_fadvise DONTNEED, which reaches this system's memory but not a cache of the host
or the disk). Warm: the median of batches after all has been read once.
"""

import argparse
import importlib.util
import io
import json
import multiprocessing
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Any

import numpy as np
import psutil
from machine import machine
from PIL import Image
from rich.console import Console
from rich.table import Table

from pcam_core.patch_store import SHARD, PatchStore, write_patch_store
from pcam_core.patches import Pixels, in_parallel, read_patch

SIDES = (32, 96, 128)
BATCHES = (32, 256)
NOTEBOOK_SIDE = 224
COLD, WARM = 5, 30
WRITTEN = 128  # patches a batch, as they come from the upscaler
Read = Callable[[Sequence[int]], Pixels]
console = Console(width=150)


@dataclass(frozen=True)
class Format:
    """A way to store patches.

    Args:
        name: What the table calls it.
        module: What must be installed.
        write: Called with an empty folder and an array (n, side, side, 3) that is read in batches.
        open: Called with the folder and the side; returns what reads rows in any order.
    """

    name: str
    module: str
    write: Callable[[Path, Pixels], None]
    open: Callable[[Path, int], Read]


def batches(patches: Pixels) -> Iterator[Pixels]:
    """Yield the patches in the batches in which they are made."""
    for start in range(0, len(patches), WRITTEN):
        yield np.array(patches[start : start + WRITTEN])


def write_npy(folder: Path, patches: Pixels) -> None:
    """Write the project's own store."""
    names = [f"{row:040x}" for row in range(len(patches))]
    write_patch_store(folder, names, lambda _: batches(patches))


def open_npy(folder: Path, side: int) -> Read:
    """Open the project's own store."""
    del side
    store = PatchStore(folder)
    return lambda rows: store.read(np.asarray(rows))


def open_npy_unmapped(folder: Path, side: int) -> Read:
    """Open the same files to be read instead of mapped: one call a patch."""
    paths = sorted(folder.glob("*.npy"))
    header = np.load(paths[0], mmap_mode="r").offset
    return _read_at([os.open(path, os.O_RDONLY) for path in paths], side, header, side * side * 3)


def write_hdf5(compression: str | None) -> Callable[[Path, Pixels], None]:
    """Return what writes one HDF5 file, a chunk a patch."""

    def write(folder: Path, patches: Pixels) -> None:
        import h5py

        with h5py.File(folder / "patches.h5", "w") as file:
            chunk = (1, *patches.shape[1:])
            stored = file.create_dataset(
                "patches", patches.shape, "uint8", chunks=chunk, compression=compression
            )
            start = 0
            for batch in batches(patches):
                stored[start : start + len(batch)] = batch
                start += len(batch)

    return write


def open_hdf5(folder: Path, side: int) -> Read:
    """Open the HDF5 file."""
    import h5py

    stored = h5py.File(folder / "patches.h5")["patches"]

    def read(rows: Sequence[int]) -> Pixels:
        batch = np.empty((len(rows), side, side, 3), np.uint8)
        for position, row in enumerate(rows):
            stored.read_direct(batch, np.s_[row], np.s_[position])
        return batch

    return read


def write_tfrecord(folder: Path, patches: Pixels) -> None:
    """Write TFRecord files of 1,024 raw patches each."""
    import tensorflow as tf

    for shard, start in enumerate(range(0, len(patches), SHARD)):
        with tf.io.TFRecordWriter(str(folder / f"{shard:05d}.tfrecord")) as writer:
            for batch in batches(patches[start : start + SHARD]):
                for patch in batch:
                    writer.write(patch.tobytes())


def open_tfrecord(folder: Path, side: int) -> Read:
    """Open TFRecord files at known offsets: all records are of one size.

    The format itself has no random access; nor does this compare its checksums.
    """
    files = [os.open(path, os.O_RDONLY) for path in sorted(folder.glob("*.tfrecord"))]
    # 12 bytes of length and its checksum before a record, 4 of its checksum after it
    return _read_at(files, side, 12, side * side * 3 + 16)


def _read_at(files: Sequence[int], side: int, first: int, step: int) -> Read:
    def read(rows: Sequence[int]) -> Pixels:
        batch = np.empty((len(rows), side, side, 3), np.uint8)
        for position, row in enumerate(rows):
            shard, place = divmod(row, SHARD)
            os.preadv(files[shard], [batch[position].data], first + place * step)
        return batch

    return read


def write_zarr(folder: Path, patches: Pixels) -> None:
    """Write a Zarr 3 array with its own compression: chunks of a patch in shards of 1,024."""
    import zarr

    shape = patches.shape
    stored = zarr.create_array(
        folder / "patches.zarr", shape=shape, dtype="uint8", chunks=(1, *shape[1:]),
        shards=(SHARD, *shape[1:]),
    )  # fmt: skip
    for start in range(0, shape[0], SHARD):  # a shard is written as a whole
        part = patches[start : start + SHARD]
        stored[start : start + SHARD] = np.concatenate(list(batches(part)))


def open_zarr(folder: Path, side: int) -> Read:
    """Open the Zarr array."""
    import zarr

    del side
    stored = zarr.open_array(folder / "patches.zarr", mode="r")
    return lambda rows: np.asarray(stored.oindex[np.asarray(rows)])


def write_array_record(folder: Path, patches: Pixels) -> None:
    """Write one uncompressed ArrayRecord file, a group a patch."""
    from array_record.python.array_record_module import ArrayRecordWriter

    writer = ArrayRecordWriter(str(folder / "patches.array_record"), "group_size:1,uncompressed")
    for batch in batches(patches):
        for patch in batch:
            writer.write(patch.tobytes())
    writer.close()


def open_array_record(folder: Path, side: int) -> Read:
    """Open the ArrayRecord file."""
    from array_record.python.array_record_module import ArrayRecordReader

    path = str(folder / "patches.array_record")
    # For random access, as its documentation advises.
    reader = ArrayRecordReader(path, "readahead_buffer_size:0", file_reader_buffer_size=1024)

    def read(rows: Sequence[int]) -> Pixels:
        joined = b"".join(reader.read([int(row) for row in rows]))
        return np.frombuffer(joined, np.uint8).reshape(-1, side, side, 3)

    return read


FORMATS = (
    Format("PatchStore (.npy shards)", "numpy", write_npy, open_npy),
    Format(".npy shards, unmapped", "numpy", write_npy, open_npy_unmapped),
    Format("HDF5", "h5py", write_hdf5(None), open_hdf5),
    Format("HDF5, lzf", "h5py", write_hdf5("lzf"), open_hdf5),
    Format("HDF5, gzip", "h5py", write_hdf5("gzip"), open_hdf5),
    Format("TFRecord, own offsets", "tensorflow", write_tfrecord, open_tfrecord),
    Format("Zarr, zstd, sharded", "zarr", write_zarr, open_zarr),
    Format("ArrayRecord", "array_record", write_array_record, open_array_record),
)


def forget(folder: Path) -> None:
    """Put the folder's files on the disk and out of the page cache, where nothing maps them."""
    for path in folder.rglob("*"):
        if path.is_file():
            file = os.open(path, os.O_RDONLY)
            os.fsync(file)
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(file)


def own_memory() -> int:
    """Return this process's bytes without the pages of mapped files."""
    told = psutil.Process().memory_info()
    return int(told.rss - getattr(told, "shared", 0))


@contextmanager
def peak_mb() -> Iterator[Callable[[], float]]:
    """Give a function that tells by how many MB the process grew at most inside the block."""
    done, before, most = Event(), own_memory(), 0

    def watch() -> None:
        nonlocal most
        while not done.wait(0.01):
            most = max(most, own_memory() - before)

    watcher = Thread(target=watch)
    watcher.start()
    try:
        yield lambda: most / 1e6
    finally:
        done.set()
        watcher.join()


def measure_writing(number: int, folder: Path, source: Path) -> dict[str, float]:
    """Write all patches of `source`, an .npy file, until they are on the disk."""
    patches = np.load(source, mmap_mode="r")
    __import__(FORMATS[number].module)
    with peak_mb() as peak:
        start = time.perf_counter()
        FORMATS[number].write(folder, patches)
        for path in folder.rglob("*"):
            if path.is_file():
                file = os.open(path, os.O_RDONLY)
                os.fsync(file)
                os.close(file)
        seconds = time.perf_counter() - start
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return {
        "write_patches_per_s": len(patches) / seconds,
        "bytes_a_patch": size / len(patches),
        "write_peak_mb": peak(),
    }


def measure_reading(number: int, folder: Path, source: Path) -> dict[str, float]:
    """Open the store, and read random batches cold and warm."""
    patches = np.load(source, mmap_mode="r")
    count, side = patches.shape[:2]
    rng = np.random.default_rng(0)
    reader = FORMATS[number].open
    reader(folder, side)([0])  # imports what it needs
    opening, cold = [], {size: list[float]() for size in BATCHES}
    with peak_mb() as peak:
        for size in BATCHES:
            for _ in range(COLD):
                forget(folder)  # a store of the round before is closed: nobody holds it
                start = time.perf_counter()
                read = reader(folder, side)
                opening.append(time.perf_counter() - start)
                rows = rng.choice(count, size, replace=False).tolist()
                start = time.perf_counter()
                read(rows)
                cold[size].append(time.perf_counter() - start)
                del read
        read = reader(folder, side)
        for start_row in range(0, count, 256):
            rows = list(range(start_row, min(start_row + 256, count)))
            if not np.array_equal(read(rows), patches[rows]):
                raise SystemExit(f"{FORMATS[number].name} does not give back what was written.")
        found = {"open_ms": statistics.median(opening) * 1000}
        for size in BATCHES:
            warm = []
            for _ in range(WARM):
                rows = rng.choice(count, size, replace=False).tolist()
                start = time.perf_counter()
                read(rows)
                warm.append(time.perf_counter() - start)
            found[f"cold_{size}_ms"] = statistics.median(cold[size]) * 1000
            found[f"warm_{size}_ms"] = statistics.median(warm) * 1000
    return found | {"read_peak_mb": peak()}


def original_patches(source: Path | None, count: int) -> Pixels:
    """Return `count` patches (n, 96, 96, 3): real ones, repeated if need be, or generated."""
    if source is None:
        from pcam_core.synth import generate

        made = [generate(42, "train", index).pixels for index in range(min(count, 400))]
    else:
        paths = sorted((source / "train").glob("*.tif"))[:count]
        made = list(in_parallel(read_patch, paths, 256))
    return np.stack([made[index % len(made)] for index in range(count)])


def stored_as(patches: Pixels, side: int) -> Pixels:
    """Return what is stored of whole patches (n, 96, 96, 3)."""
    centre = patches[:, 32:64, 32:64]
    if side == 128:
        images = (Image.fromarray(crop) for crop in centre)
        size = (side, side)
        return np.stack([np.asarray(i.resize(size, Image.Resampling.LANCZOS)) for i in images])
    return centre if side == 32 else patches


def notebook_bytes() -> int:
    """Return the bytes of one 224x224 RGB TIFF as Pillow writes it."""
    memory = io.BytesIO()
    Image.new("RGB", (NOTEBOOK_SIDE, NOTEBOOK_SIDE)).save(memory, "TIFF")
    return len(memory.getvalue())


def measure(source: Path | None, count: int) -> dict[str, Any]:
    """Return the figures; see the module's docstring."""
    originals = original_patches(source, count)
    figures: dict[str, Any] = {
        "machine": machine(),
        "patches": count,
        "real": source is not None,
        "notebook_bytes_a_patch": notebook_bytes(),
        "skipped": sorted({f.module for f in FORMATS if not importlib.util.find_spec(f.module)}),
        "formats": {},
    }
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for side in SIDES:
            patches = root / f"{side}.npy"
            np.save(patches, stored_as(originals, side))
            figures["formats"][side] = {}
            for number, one in enumerate(FORMATS):
                if one.module in figures["skipped"]:
                    continue
                console.print(f"{side} px, {one.name} ...", style="dim")
                folder = root / "store"
                folder.mkdir()
                with ProcessPoolExecutor(1, spawn, max_tasks_per_child=1) as pool:
                    found = pool.submit(measure_writing, number, folder, patches).result()
                    found |= pool.submit(measure_reading, number, folder, patches).result()
                found["bytes_ratio"] = found["bytes_a_patch"] / figures["notebook_bytes_a_patch"]
                figures["formats"][side][one.name] = found
                shutil.rmtree(folder)
    return figures


def show(figures: dict[str, Any]) -> None:
    """Print the figures as a table."""
    kind = "real" if figures["real"] else "generated"
    table = Table("px", title=f"{figures['patches']:,} {kind} patches")
    table.add_column("format", no_wrap=True)
    columns = {
        "write, patches/s": ("write_patches_per_s", ",.0f"),
        "bytes a patch": ("bytes_a_patch", ",.0f"),
        "of 224 px TIFF": ("bytes_ratio", ".3f"),
        "open, ms": ("open_ms", ".1f"),
        **{
            f"{size} {state}, ms": (f"{state}_{size}_ms", ".1f")
            for size in BATCHES
            for state in ("cold", "warm")
        },
        "write, MB": ("write_peak_mb", ",.0f"),
        "read, MB": ("read_peak_mb", ",.0f"),
    }
    for name in columns:
        table.add_column(name, justify="right")
    for side, formats in figures["formats"].items():
        table.add_section()
        for name, found in formats.items():
            cells = [f"{found[key]:{form}}" for key, form in columns.values()]
            table.add_row(str(side), name, *cells)
    console.print(table)
    console.print(f"One 224x224 TIFF by Pillow: {figures['notebook_bytes_a_patch']:,} bytes.")
    if figures["skipped"]:
        console.print(f"Skipped, not installed: {', '.join(figures['skipped'])}.")
    console.print(figures["machine"], soft_wrap=True)


def main() -> None:
    """Measure, show, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", nargs="?", type=Path, help="folder in Kaggle's layout")
    parser.add_argument("--quick", action="store_true", help="1,024 patches, a minute or two")
    parser.add_argument("--patches", type=int, default=4096, metavar="N")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    arguments = parser.parse_args()
    figures = measure(arguments.data, 1024 if arguments.quick else arguments.patches)
    show(figures)
    if arguments.json:
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
