"""Kaggle's layout of the competition's files, in a folder or in an archive."""

from abc import abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from pcam_core.datasets.dataset import PARTS, Dataset, Part, Tables
from pcam_core.datasets.tables import read_slides, read_table
from pcam_core.errors import InputError
from pcam_core.listing import count, listing
from pcam_core.patches import Pixels, read_patch

LABELS = "train_labels.csv"
SAMPLE_SUBMISSION = "sample_submission.csv"
SLIDES = "patch_id_wsi_full.csv"
TABLES = (LABELS, SAMPLE_SUBMISSION, SLIDES)
SUFFIX = ".tif"
_SUFFIXES = (SUFFIX, ".tiff")

# https://www.kaggle.com/competitions/histopathologic-cancer-detection/data
_COMPETITION: dict[Part, int] = {"train": 220_025, "test": 57_458}


class KaggleLayout(Dataset):
    """`train_labels.csv` (id, label), `train/<id>.tif` and `test/<id>.tif`.

    There may be a `sample_submission.csv` (id, label) and a slide map,
    `patch_id_wsi_full.csv` (id, wsi).
    """

    @abstractmethod
    def file(self, name: str) -> Path | IO[bytes] | None:
        """Open a file by its "/"-separated name; None if there is none."""

    def tables(self) -> Tables:
        """Read the tables; see `Dataset.tables`."""
        labels, sample, slides = map(self.file, TABLES)
        assert labels is not None
        test = self.patch_ids("test")
        promised: dict[Part, int] = {}
        if sample is not None:
            test = list(read_table(sample, SAMPLE_SUBMISSION, ["id", "label"])["id"])
            if len(test) == _COMPETITION["test"]:
                promised = _COMPETITION
        return Tables(
            labels=read_table(labels, LABELS, ["id", "label"]),
            test=test,
            labels_name=LABELS,
            test_name=SAMPLE_SUBMISSION,
            slides={} if slides is None else read_slides(slides, SLIDES, "wsi"),
            slides_name="" if slides is None else SLIDES,
            promised=promised,
        )

    def place(self, part: Part, patch_id: str) -> str:
        """Return the patch's name in the layout."""
        return f"{part}/{patch_id}{SUFFIX}"

    def decode(self, part: Part, patch_id: str) -> Pixels:
        """Decode one patch; see `Dataset.decode`."""
        file = self.file(self.place(part, patch_id))
        if file is None:
            raise ValueError("cannot be read: No such file")
        return read_patch(file)


def looks_like_patch(name: str) -> bool:
    """Whether a "/"-separated name is a patch's in the layout, or one that is meant to be.

    Hidden files are not: macOS keeps attributes in them, no pictures.
    """
    folder, _, base = name.rpartition("/")
    return folder in PARTS and base.lower().endswith(_SUFFIXES) and not base.startswith(".")


def patch_files(names: Iterable[str], address: str) -> list[str]:
    """Return those names of a layout that are patches, sorted.

    Args:
        names: "/"-separated names of all files.
        address: What messages call the data.

    Raises:
        InputError: A part has no patches, or patches whose names cannot be used.
    """
    found: dict[str, list[str]] = {part: [] for part in PARTS}
    for name in filter(looks_like_patch, names):
        found[name.partition("/")[0]].append(name)
    for part, files in found.items():
        where = f"{part} of {address}"
        if not files:
            raise InputError(
                f"{where} holds no {SUFFIX} patches.", f"Put the patches there as <id>{SUFFIX}."
            )
        bases = [name.partition("/")[2] for name in files]
        odd = [repr(base) for base in bases if not (base.endswith(SUFFIX) and base.isprintable())]
        if odd:
            raise InputError(
                f"{where} holds {count(odd, 'file')} whose name cannot be used: {listing(odd)}.",
                f"Name them <id>{SUFFIX}, in small letters.",
                odd,
            )
    return sorted(name for files in found.values() for name in files)
