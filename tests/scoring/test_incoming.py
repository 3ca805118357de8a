"""One file that cannot be scored keeps no other from it."""

import os
import shutil
import sys

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.hooks import HierarchicalEmitter

from pcam_core.errors import InputError
from pcam_core.scoring.incoming import candidates, incoming
from pcam_core.scoring.ledger import Ledger
from pcam_core.scoring.source import open_source


@pytest.fixture
def bucket(patches, aws_environment):
    """Twelve patches below s3://mixed/in, in a bucket of this test's own."""
    client = boto3.client("s3")
    client.create_bucket(Bucket="mixed")
    for file in patches.iterdir():
        client.upload_file(str(file), "mixed", f"in/{file.name}")
    yield client
    for each in client.list_objects_v2(Bucket="mixed")["Contents"]:
        client.delete_object(Bucket="mixed", Key=each["Key"])
    client.delete_bucket(Bucket="mixed")


@pytest.fixture
def looked_at(tmp_path):
    """What becomes of the new files of a place: those that are read, and the others' faults."""

    def look(address):
        source = open_source(str(address))
        scored = Ledger(str(tmp_path / "scores")).scored()[1]
        found = list(incoming(source, candidates(source, scored), scored))
        read = [each for each in found if each.sha256]
        assert all(each.pixels is not None for each in read)
        return read, {each.name: each.fault for each in found if not each.sha256}

    return look


def test_an_object_that_is_archived_or_has_no_file_s_name(bucket, looked_at):
    bucket.put_object(Bucket="mixed", Key="in/old.tif", Body=b"x", StorageClass="GLACIER")
    bucket.put_object(Bucket="mixed", Key="in/b//c.tif", Body=b"x")
    read, faults = looked_at("s3://mixed/in")
    assert len(read) == 12
    assert faults.keys() == {"old.tif", "b//c.tif"}
    assert "s3://mixed/in/old.tif lies in an archive" in faults["old.tif"]
    assert "Restore it" in faults["old.tif"]
    assert "another name" in faults["b//c.tif"]


@pytest.fixture
def denied(monkeypatch):
    """Deny the objects whose key holds a word."""
    emit = HierarchicalEmitter.emit_until_response

    def deny(word):
        def denying(self, event, **given):
            if event == "before-call.s3.GetObject" and word in given["params"]["url_path"]:
                raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")
            return emit(self, event, **given)

        monkeypatch.setattr(HierarchicalEmitter, "emit_until_response", denying)

    return deny


def test_an_object_that_is_denied(bucket, looked_at, patches, denied):
    one = min(patches.iterdir()).name
    denied(one)
    read, faults = looked_at("s3://mixed/in")
    assert len(read) == 11
    assert faults.keys() == {one}
    assert "refuses access (answer: AccessDenied). Correct the credentials" in faults[one]


def test_a_bucket_whose_objects_are_all_denied(bucket, looked_at, denied):
    denied("in/")
    with pytest.raises(InputError, match=r"None of 12 new files may be read: .*AccessDenied"):
        looked_at("s3://mixed/in")


@pytest.mark.skipif(sys.platform == "darwin", reason="its disks refuse such names")
def test_a_name_that_is_no_text(patches, looked_at):
    shutil.copy(min(patches.iterdir()), patches / os.fsdecode(b"caf\xe9.tif"))
    read, faults = looked_at(patches)
    assert len(read) == 12
    assert list(faults.values()) == ["give it another name: this one is not in UTF-8"]


def test_two_files_of_one_id(patches, looked_at):
    first, *others = sorted(patches.iterdir())
    shutil.copy(first, first.with_suffix(".png"))
    read, faults = looked_at(patches)
    assert sorted(each.name for each in read) == [file.name for file in others]
    told = f"{first.stem}.png, {first.name} have the same id: rename all but one"
    assert faults == {first.name: told, f"{first.stem}.png": told}
