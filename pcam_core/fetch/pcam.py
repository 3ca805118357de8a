"""PatchCamelyon (PCam): the nine files of Veeling et al. 2018, arXiv:1806.03962.

The files lie in Zenodo's record 2546921 (https://zenodo.org/records/2546921), under CC0
(https://github.com/basveeling/pcam#license).

MD5s: the README of https://github.com/basveeling/pcam lists all nine, but with those of the
validation and the test files exchanged (its issues 1 and 4; its author calls it a copy mistake).
Zenodo's own list of them, repeated in https://github.com/tensorflow/datasets/issues/1551, has
them as they are here, and so has torchvision/datasets/pcam.py since
https://github.com/pytorch/vision/pull/6644.

Sizes: tensorflow_datasets/url_checksums/patch_camelyon.txt in
https://github.com/tensorflow/datasets. Those of the three CSV files are not published.
"""

from pathlib import Path

from pcam_core.fetch.download import RemoteFile, download_all

LICENCE = "CC0 (https://github.com/basveeling/pcam#license)"
_ADDRESS = "https://zenodo.org/records/2546921/files"

_FILES = [
    ("train_x.h5.gz", "1571f514728f59376b705fc836ff4b63", 6_421_353_462),
    ("train_y.h5.gz", "35c2d7259d906cfc8143347bb8e05be7", 21_378),
    ("train_meta.csv", "5a3dd671e465cfd74b5b822125e65b0a", None),
    ("valid_x.h5.gz", "d5b63470df7cfa627aeec8b9dc0c066e", 805_965_320),
    ("valid_y.h5.gz", "2b85f58b927af9964a4c15b8f7e8f179", 3_038),
    ("valid_meta.csv", "67589e00a4a37ec317f2d1932c7502ca", None),
    ("test_x.h5.gz", "d8c2d60d490dbd479f8199bdfa0cf6ec", 800_875_929),
    ("test_y.h5.gz", "60a7035772fbdb7f34eb86d4420cf66a", 3_040),
    ("test_meta.csv", "3455fd69135b66734e1008f3af684566", None),
]


def pcam_files() -> list[RemoteFile]:
    """Return the nine files: pixels, labels and origin of the patches of three splits."""
    names = [f"camelyonpatch_level_2_split_{ending}" for ending, _, _ in _FILES]
    return [
        RemoteFile(name, f"{_ADDRESS}/{name}?download=1", md5, size)
        for name, (_, md5, size) in zip(names, _FILES, strict=True)
    ]


def fetch_pcam(folder: Path) -> list[Path]:
    """Bring PCam's nine files (8.0 GB, packed) into a folder; see `download_all`.

    They stay packed as .h5.gz, as they were published.

    Raises:
        InputError: See `download_all`.
    """
    return download_all(pcam_files(), folder)
