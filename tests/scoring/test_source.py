"""Files below a folder or a bucket, and what keeps one of them from being read."""

import os
import sys
from io import BytesIO
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError, ResponseStreamingError

from pcam_core.errors import InputError
from pcam_core.object_store.interface import DeniedError, ObjectError
from pcam_core.scoring.source import Entry, open_source


@pytest.fixture
def client(aws_environment):
    client = boto3.client("s3")
    client.create_bucket(Bucket="incoming")
    return client


@pytest.fixture
def put(client):
    """Put an object below a fresh prefix; `put.address` is the prefix."""
    prefix = uuid4().hex

    def put(name, body=b"patch", **options):
        client.put_object(Bucket="incoming", Key=f"{prefix}/{name}", Body=body, **options)

    put.address = f"s3://incoming/{prefix}"
    return put


@pytest.fixture
def source(put):
    """One object, a.tif, and the bucket that has it, listed."""
    put("a.tif", b"patch" * 1000)
    source = open_source(put.address)
    (source.entry,) = source.entries()
    return source


def answering(source, monkeypatch, *answers):
    """Let the next requests for the object have these ends: an error, or a content."""
    get, waiting = source._source._client.get_object, list(answers)

    def answer(**request):
        told = get(**request)
        end = waiting.pop(0)
        if isinstance(end, Exception):
            raise end
        return {**told, "Body": end if hasattr(end, "read") else BytesIO(end)}

    monkeypatch.setattr(source._source._client, "get_object", answer)


class Cut(BytesIO):
    def read(self, *_):
        raise ResponseStreamingError(error="cut")


def test_an_object_is_read_whole_and_no_file_is_written(source, monkeypatch):
    monkeypatch.setattr("tempfile.mkdtemp", lambda *_, **__: pytest.fail("a folder was made"))
    assert source.read(source.entry) == b"patch" * 1000


def test_an_empty_object_is_read(put):
    put("empty.tif", b"")
    source = open_source(put.address)
    assert source.read(source.entries()[0]) == b""


@pytest.mark.parametrize("wrong", [b"patc" * 1250, b"patch", Cut()])
def test_what_arrives_damaged_is_asked_for_once_more(source, monkeypatch, wrong):
    answering(source, monkeypatch, wrong, b"patch" * 1000)
    assert source.read(source.entry) == b"patch" * 1000


def test_what_arrives_damaged_twice_is_an_error_of_this_object(source, monkeypatch):
    answering(source, monkeypatch, b"damaged", b"damaged")
    with pytest.raises(ObjectError, match=r"a\.tif arrived damaged twice.*Upload it again"):
        source.read(source.entry)


def test_what_is_cut_off_twice_may_pass(source, monkeypatch):
    answering(source, monkeypatch, Cut(), Cut())
    with pytest.raises(ConnectionError, match=r"a\.tif was cut"):
        source.read(source.entry)


def test_what_has_changed_may_pass(source, put):
    put("a.tif", b"another")
    with pytest.raises(ConnectionError, match=r"a\.tif has changed"):
        source.read(source.entry)


def test_an_archived_object_is_an_error_of_this_object(put):
    put("a.tif", StorageClass="GLACIER")
    source = open_source(put.address)
    with pytest.raises(ObjectError, match=r"a\.tif lies in an archive.*Restore it"):
        source.read(source.entries()[0])


def test_an_object_under_a_customer_s_key_is_an_error_of_this_object(source, monkeypatch):
    refusal = {"Error": {"Code": "InvalidRequest"}}  # as S3 answers; the test server does not
    answering(source, monkeypatch, ClientError(refusal, "GetObject"))
    with pytest.raises(ObjectError, match=r"a\.tif refuses the request.*SSE-C"):
        source.read(source.entry)


@pytest.mark.parametrize(("code", "of_one"), [("AccessDenied", True), ("ExpiredToken", False)])
def test_a_refusal_is_of_this_object_or_of_all(source, monkeypatch, code, of_one):
    answering(source, monkeypatch, ClientError({"Error": {"Code": code}}, "GetObject"))
    with pytest.raises(InputError, match=code) as error:
        source.read(source.entry)
    assert isinstance(error.value, DeniedError) == of_one


def test_a_name_that_cannot_be_a_file_s_is_told(put):
    for name in ("a.tif", "b//c.tif", "b/../d.tif"):
        put(name)
    faults = {entry.name: entry.fault for entry in open_source(put.address).entries()}
    assert faults.pop("a.tif") == ""
    assert set(faults) == {"b//c.tif", "b/../d.tif"}
    assert all('another name: a name must not hold "..", "//"' in x for x in faults.values())


@pytest.mark.skipif(sys.platform == "darwin", reason="its disks refuse such names")
def test_a_name_that_is_no_text_is_told(tmp_path):
    for name in (b"a.tif", b"caf\xe9.tif"):
        (tmp_path / os.fsdecode(name)).touch()
    first, second = open_source(str(tmp_path)).entries()
    assert first == Entry("a.tif", first.etag)
    assert "UTF-8" in second.fault


def test_an_empty_place_is_named(tmp_path, put):
    (tmp_path / "below").mkdir()
    for address in (str(tmp_path), put.address):
        with pytest.raises(InputError, match=rf"{address} holds nothing\. Correct the address"):
            open_source(address).entries()
        assert open_source(address, may_be_empty=True).entries() == []
