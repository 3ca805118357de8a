"""PCam's own HDF5 files, with the split that was published with them."""

import hashlib
from pathlib import Path

import pandas as pd
from pydantic import BaseModel, ConfigDict

from pcam_core.datasets.dataset import Dataset, Part, Role, Tables
from pcam_core.datasets.pcam_hdf5 import check_rows, open_pixels, read_labels
from pcam_core.datasets.pcam_layout import (
    PACKED,
    SPLITS,
    Kind,
    SplitName,
    pcam_name,
    pcam_names,
)
from pcam_core.datasets.tables import read_column
from pcam_core.datasets.unpacking import unpacked
from pcam_core.errors import InputError
from pcam_core.file_hashes import hash_files
from pcam_core.patches import Pixels

_ROLES: dict[SplitName, Role] = {"train": "train", "valid": "validation", "test": "test"}
# https://arxiv.org/abs/1806.03962; in the file its columns are: none, coord_y, coord_x,
# tumor_patch, center_tumor_patch, wsi.
_SLIDE = "wsi"


class PcamSplit(BaseModel):
    """One split's files, unpacked.

    Attributes:
        name: Its name in the files' names.
        rows: Its patches.
        pixels: The file of x.
        labels: The file of y.
        origin: The file of slides, if there is one.
    """

    model_config = ConfigDict(frozen=True)

    name: SplitName
    rows: int
    pixels: Path
    labels: Path
    origin: Path | None

    @property
    def ids(self) -> list[str]:
        """Return "train-000000" and so on, in the files' order."""
        return [f"{self.name}-{row:06d}" for row in range(self.rows)]


class PcamFiles(Dataset):
    """The files `camelyonpatch_level_2_split_{train,valid,test}_{x,y}.h5` and `_meta.csv`.

    See https://github.com/basveeling/pcam and Veeling et al. 2018, arXiv:1806.03962. The labelled
    part holds the patches of every split that is there; to be predicted are those of the test
    split, which carry the role "test". Without a test split nothing is to be predicted, and the
    rest counts as no published split: its validation part alone would leave the pipeline without
    a test that is comparable with published figures.

    Attributes:
        splits: Those that are there, in the order train, valid, test.
        key: Hex sha256 over the names and sha256 of the unpacked files.
    """

    splits: tuple[PcamSplit, ...]

    def tables(self) -> Tables:
        """Read labels and slides; see `Dataset.tables`."""
        labels: dict[str, int] = {}
        slides: dict[str, str] = {}
        for split in self.splits:
            labels |= zip(split.ids, _labels(split), strict=True)
            if split.origin:
                slides |= zip(split.ids, _slides(split, split.origin), strict=True)
        test = self.patch_ids("test")
        roles = {i: _ROLES[s.name] for s in self.splits for i in s.ids} if test else {}
        return Tables(
            labels=pd.DataFrame({"id": list(labels), "label": [str(n) for n in labels.values()]}),
            test=test,
            labels_name=pcam_name("*", "y"),
            test_name=pcam_name("test", "x"),
            slides=slides,
            slides_name=pcam_name("*", "meta") if slides else "",
            roles=roles,
            promised={"train": len(labels), "test": len(test)},
        )

    def patch_ids(self, part: Part) -> list[str]:
        """Return the sorted ids of the rows."""
        splits = self.splits if part == "train" else [s for s in self.splits if s.name == "test"]
        return sorted(patch_id for split in splits for patch_id in split.ids)

    def place(self, part: Part, patch_id: str) -> str:
        """Return "patch <id>"; the id tells split and row."""
        del part
        return f"patch {patch_id}"

    def decode(self, part: Part, patch_id: str) -> Pixels:
        """Read one row; see `Dataset.decode`."""
        del part
        name, _, row = patch_id.partition("-")
        (split,) = (split for split in self.splits if split.name == name)
        x = open_pixels(split.pixels, pcam_name(split.name, "x"), self.key)
        try:
            pixels: Pixels = x[int(row)]
        except (OSError, RuntimeError) as error:
            raise ValueError(f"cannot be read: {error}") from None
        return pixels


def open_pcam_files(folder: Path, cache: Path, address: str) -> PcamFiles:
    """Identify PCam's files in a folder by content; packed ones are unpacked into the cache.

    Args:
        folder: The files.
        cache: Keeps what is unpacked (`unpacked/`, 7.5 GB for all of PCam) and hashes.
        address: What messages call the folder.

    Raises:
        InputError: A file is missing, cut off, of another shape or length, or leads to another
            file.
    """
    memory = cache / "hashes.sqlite"
    names = pcam_names(path.name for path in folder.iterdir() if path.is_file())
    present = {split for split, _ in names}
    needed: list[tuple[SplitName, Kind]] = [
        (split, kind) for split in SPLITS if split in present | {"train"} for kind in ("x", "y")
    ]
    missing = [pcam_name(*file) for file in needed if file not in names]
    if missing:
        raise InputError(
            f"{address} has no {' and no '.join(missing)}.",
            "Put it there, packed as .gz or not. The splits valid and test may be left out, each"
            " with all its files.",
        )
    given = {file: folder.resolve() / name for file, name in names.items()}
    hashes = hash_files(given.values(), memory)
    paths = {
        file: unpacked(path, hashes[path][1], cache / "unpacked") if path.suffix == PACKED else path
        for file, path in given.items()
    }
    digest = hashlib.sha256()
    hashes = hash_files(paths.values(), memory)
    for file, path in sorted(paths.items()):
        digest.update(f"{pcam_name(*file)}\0{hashes[path][1]}\n".encode())
    key = digest.hexdigest()
    splits = tuple(_split(name, paths, key) for name in SPLITS if name in present)
    return PcamFiles(address=address, key=key, splits=splits)


def _split(name: SplitName, paths: dict[tuple[SplitName, Kind], Path], key: str) -> PcamSplit:
    pixels = paths[name, "x"]
    split = PcamSplit(
        name=name,
        rows=len(open_pixels(pixels, pcam_name(name, "x"), key)),
        pixels=pixels,
        labels=paths[name, "y"],
        origin=paths.get((name, "meta")),
    )
    _labels(split)
    if split.origin:
        _slides(split, split.origin)
    return split


def _labels(split: PcamSplit) -> list[int]:
    x, y = pcam_name(split.name, "x"), pcam_name(split.name, "y")
    labels: list[int] = read_labels(split.labels, y, split.rows, x).tolist()
    return labels


def _slides(split: PcamSplit, origin: Path) -> list[str]:
    name = pcam_name(split.name, "meta")
    slides = list(read_column(origin, name, _SLIDE))
    check_rows(name, len(slides), pcam_name(split.name, "x"), split.rows)
    return slides
