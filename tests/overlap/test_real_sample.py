import csv
import io
import tarfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pcam_core.overlap import overlap_groups

SAMPLE = Path(__file__).parents[3] / "shared" / "pcam_sample"


@pytest.fixture(scope="module")
def known():
    """Group of 1,000 real patches: all that overlap and the first that do not."""
    if not (SAMPLE / "patches.tar").exists():
        pytest.skip("needs the real PCam sample beside the checkout, ../shared/pcam_sample")
    with (SAMPLE / "patches.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    members = defaultdict(list)
    for row in rows:
        members[row["overlap_group"]].append(row["id"])
    groups = sorted(members.items(), key=lambda item: -len(item[1]))[: 100 + 400]
    return {name: group for group, names in groups for name in names}


@pytest.fixture(scope="module")
def real(known):
    patches = {}
    with tarfile.open(SAMPLE / "patches.tar") as archive:
        for member in archive:
            name = Path(member.name).stem
            if name in known:
                picture = Image.open(io.BytesIO(archive.extractfile(member).read()))
                patches[name] = np.asarray(picture.convert("RGB"))
    return patches


def test_finds_the_groups_that_another_method_found(known, real, overlaps_of):
    found = overlaps_of(real)
    groups = overlap_groups(list(real), found)
    assert len({(known[name], groups[name]) for name in known}) == len(set(known.values()))
    assert len(set(groups.values())) == len(set(known.values()))
    # PCam's patches lie on a grid.
    assert not (found[["dy", "dx"]] % 16).to_numpy().any()
    assert set(found["transform"]) == {"identity"}
