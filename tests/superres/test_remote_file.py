import boto3
import keras
import pytest
from keras import layers

from pcam_core.errors import InputError
from pcam_core.superres.remote_file import fetch_model
from pcam_core.superres.upscaler import digest, open_upscaler

LEVELS = (0.0, 255.0)
ADDRESS = "s3://models/tissue/net.keras"


@pytest.fixture
def bucket(aws_environment, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    client = boto3.client("s3")
    client.create_bucket(Bucket="models")
    yield client
    client.delete_object(Bucket="models", Key="tissue/net.keras")


def put(client, folder, scale):
    path = folder / "net.keras"
    keras.Sequential([keras.Input((None, None, 3)), layers.UpSampling2D(scale)]).save(path)
    client.upload_file(str(path), "models", "tissue/net.keras")
    return path


def test_opens_from_object_storage(bucket, tmp_path):
    path = put(bucket, tmp_path, 2)
    assert open_upscaler(ADDRESS, LEVELS).scale == 2
    assert digest(ADDRESS) == digest(str(path))


def test_is_downloaded_once(bucket, tmp_path):
    put(bucket, tmp_path, 2)
    kept = fetch_model(ADDRESS)
    before = kept.stat()
    assert fetch_model(ADDRESS) == kept
    assert kept.stat().st_mtime_ns == before.st_mtime_ns
    assert kept.is_relative_to(tmp_path / "cache" / "pcam" / "superres")


def test_a_new_version_is_downloaded(bucket, tmp_path):
    put(bucket, tmp_path, 2)
    first = fetch_model(ADDRESS, tmp_path / "kept")
    put(bucket, tmp_path, 3)
    assert fetch_model(ADDRESS, tmp_path / "kept") != first
    assert open_upscaler(ADDRESS, LEVELS, tmp_path / "kept").scale == 3


def test_a_damaged_copy_is_seen(bucket, tmp_path):
    put(bucket, tmp_path, 2)
    kept = fetch_model(ADDRESS)
    kept.write_bytes(kept.read_bytes()[:-1] + b"x")
    with pytest.raises(InputError, match="checksum"):
        open_upscaler(ADDRESS, LEVELS)


def test_a_copy_without_its_checksum_is_downloaded_again(bucket, tmp_path):
    put(bucket, tmp_path, 2)
    kept = fetch_model(ADDRESS)
    kept.with_name(f"{kept.name}.sha256").unlink()
    kept.write_bytes(b"interrupted between the two")
    assert open_upscaler(ADDRESS, LEVELS).scale == 2


def test_what_is_not_there_is_told(bucket):
    with pytest.raises(InputError, match="does not exist"):
        open_upscaler("s3://models/missing.keras", LEVELS)


@pytest.mark.parametrize("address", ["s3://models/net.h5", "s3://models", "s3://x/net.keras"])
def test_bad_addresses_are_refused(aws_environment, address):
    with pytest.raises(InputError):
        fetch_model(address)
