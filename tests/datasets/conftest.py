"""The generated patches in every form that a source can have."""

import gzip
import shutil
import zipfile
from uuid import uuid4

import h5py
import numpy as np
import pandas as pd
import pytest

from pcam_core.datasets.opening import open_dataset

STEM = "camelyonpatch_level_2_split_"


def write_zip(path, folder, top=""):
    """Put a folder's files into a zip, below `top`."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*")):
            archive.write(file, top + file.relative_to(folder).as_posix())
    return path


def write_split(folder, name, x, y, slides=None):
    """Write one split of PCam."""
    folder.mkdir(parents=True, exist_ok=True)
    with h5py.File(folder / f"{STEM}{name}_x.h5", "w") as file:
        file["x"] = np.asarray(x, np.uint8)
    with h5py.File(folder / f"{STEM}{name}_y.h5", "w") as file:
        file["y"] = np.asarray(y, np.uint8).reshape(-1, 1, 1, 1)
    if slides is not None:
        table = pd.DataFrame(
            {
                "coord_y": 0,
                "coord_x": 0,
                "tumor_patch": True,
                "center_tumor_patch": np.asarray(y) == 1,
                "wsi": slides,
            }
        )
        table.to_csv(folder / f"{STEM}{name}_meta.csv")


@pytest.fixture(scope="session")
def pcam(generated, tmp_path_factory):
    """The generated patches as PCam's files: 100 of train, 60 of valid, 20 of test."""
    memory = tmp_path_factory.mktemp("memory")
    data = open_dataset([str(generated)], memory)
    tables = data.tables()
    folder = tmp_path_factory.mktemp("pcam") / "pcam"
    labels = {"train": tables.labels.astype({"label": int})}
    labels["test"] = pd.read_csv(generated / "test_solution.csv")
    rows = {
        "train": labels["train"][:100],
        "valid": labels["train"][100:],
        "test": labels["test"],
    }
    for name, table in rows.items():
        part = "test" if name == "test" else "train"
        x = list(data.patches(part, list(table["id"])))
        slides = [tables.slides[patch_id] for patch_id in table["id"]]
        write_split(folder, name, x, table["label"], slides)
    return folder


@pytest.fixture
def own_pcam(pcam, tmp_path):
    """A copy that a test may damage."""
    return shutil.copytree(pcam, tmp_path / "pcam")


def pack(folder):
    """Replace every .h5 by .h5.gz."""
    for file in folder.glob("*.h5"):
        file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes(), 1))
        file.unlink()
    return folder


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture(scope="session")
def s3(endpoint):
    import boto3

    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="not-a-real-key",
        aws_secret_access_key="not-a-real-secret",
    )
    client.create_bucket(Bucket="patches")
    return client


class Prefix:
    """A fresh prefix, with the objects below it."""

    def __init__(self, client):
        self.client = client
        self.name = uuid4().hex
        self.address = f"s3://patches/{self.name}"

    def put(self, name, content):
        self.client.put_object(Bucket="patches", Key=f"{self.name}/{name}", Body=content)

    def put_folder(self, folder):
        for file in folder.rglob("*"):
            if file.is_file():
                self.put(file.relative_to(folder).as_posix(), file.read_bytes())

    def delete(self, name):
        self.client.delete_object(Bucket="patches", Key=f"{self.name}/{name}")


@pytest.fixture
def prefix(s3, aws_environment):
    return Prefix(s3)


def same_content(one, other):
    """Whether two data sets have the same tables and pixels."""
    first, second = one.tables(), other.tables()
    assert first.labels.equals(second.labels)
    assert (first.test, first.slides, first.roles) == (second.test, second.slides, second.roles)
    assert first.promised == second.promised
    for part in ("train", "test"):
        ids = one.patch_ids(part)
        assert ids == other.patch_ids(part)
        pairs = zip(one.patches(part, ids), other.patches(part, ids), strict=True)
        assert all(np.array_equal(*pair) for pair in pairs)
    return True


@pytest.fixture(scope="session")
def zipped():
    return write_zip


@pytest.fixture(scope="session")
def written_split():
    return write_split


@pytest.fixture(scope="session")
def packed():
    return pack


@pytest.fixture(scope="session")
def same():
    return same_content


@pytest.fixture(scope="session")
def stem():
    return STEM
