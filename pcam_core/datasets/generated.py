"""Generated data, asked for by its address."""

import re
from pathlib import Path

from pcam_core.datasets.cache import filling
from pcam_core.errors import InputError
from pcam_core.synth import VERSION, write_dataset

SCHEME = "synth:"
_ADDRESS = re.compile(rf"{SCHEME}train=(\d{{1,7}}),test=(\d{{1,7}}),seed=(\d{{1,9}})")


def generated(address: str, cache: Path) -> Path:
    """Return the folder of generated data in Kaggle's layout, written at the first call.

    Args:
        address: Numbers of patches and the seed, as "synth:train=800,test=160,seed=42".
        cache: Folder below which it is kept.

    Raises:
        InputError: The address is malformed, or the cache cannot be written.
    """
    asked = _ADDRESS.fullmatch(address)
    train, test, seed = map(int, asked.groups()) if asked else (0, 0, 0)
    if not train or not test:
        raise InputError(
            f"{address!r} asks for no generated data.",
            f"Write {SCHEME}train=800,test=160,seed=42, with at least one patch in each part.",
        )
    folder = cache / "generated" / f"train-{train}-test-{test}-seed-{seed}-version-{VERSION}"
    with filling(folder):
        write_dataset(folder, train=train, test=test, seed=seed)
    return folder
