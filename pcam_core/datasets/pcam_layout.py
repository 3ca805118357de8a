"""Names of PCam's own files (https://github.com/basveeling/pcam#download)."""

import re
from collections.abc import Iterable
from typing import Literal, cast

SplitName = Literal["train", "valid", "test"]
Kind = Literal["x", "y", "meta"]

SPLITS: tuple[SplitName, ...] = ("train", "valid", "test")
PACKED = ".gz"

_STEM = "camelyonpatch_level_2_split_"
_NAME = re.compile(rf"{_STEM}(train|valid|test)_(?:([xy])\.h5(?:\.gz)?|(meta)\.csv)")


def pcam_name(split: SplitName | Literal["*"], kind: Kind) -> str:
    """Return the name of a file when it is not packed."""
    return f"{_STEM}{split}_{kind}.{'csv' if kind == 'meta' else 'h5'}"


def pcam_names(names: Iterable[str]) -> dict[tuple[SplitName, Kind], str]:
    """Return those names that are PCam's, by what they are.

    Of a file that is there both packed and not, the latter is taken.
    """
    found: dict[tuple[SplitName, Kind], str] = {}
    for name in sorted(names, reverse=True):  # "x.h5.gz" before "x.h5"
        match = _NAME.fullmatch(name)
        if match:
            split, kind = match[1], match[2] or match[3]
            found[cast("SplitName", split), cast("Kind", kind)] = name
    return found
