"""Object stores: a local folder, and S3 as moto's server and scripted answers play it."""

import base64
import errno
import hashlib
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError
from botocore.stub import ANY, Stubber
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pcam_core.errors import InputError
from pcam_core.object_store import ObjectStore, Receipt, S3Settings, open_store, s3, s3_errors
from pcam_core.object_store.local import LocalStore
from pcam_core.object_store.s3 import S3Store

SECRET = "not-a-real-secret"
IMPATIENT = S3Settings(connect_timeout_s=1, read_timeout_s=5, attempts=1)
SHARED_STORE = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="session")
def aws(endpoint: str) -> Any:
    """A client of the server."""
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="not-a-real-key",
        aws_secret_access_key=SECRET,
    )


@pytest.fixture
def address(aws_environment: None) -> str:
    """A fresh prefix."""
    return f"s3://products/{uuid4().hex}"


@pytest.fixture
def bucket(address: str, aws: Any) -> S3Store:
    aws.create_bucket(Bucket="products")
    store = open_store(address, IMPATIENT)
    assert isinstance(store, S3Store)
    return store


@pytest.fixture(params=["local", "s3"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ObjectStore:
    if request.param == "local":
        return open_store(str(tmp_path / "store"))
    found: ObjectStore = request.getfixturevalue("bucket")
    return found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return written(tmp_path / "submission.csv", b"id,label\na,0.5\n")


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def stored(store: ObjectStore, key: str) -> bytes:
    address = store.address_of(key)
    if isinstance(store, LocalStore):
        return Path(address).read_bytes()
    bucket, _, name = address.removeprefix("s3://").partition("/")
    assert isinstance(store, S3Store)
    body: bytes = store._client.get_object(Bucket=bucket, Key=name)["Body"].read()
    return body


def test_stores_once(store: ObjectStore, source: Path) -> None:
    store.check()
    first = store.put(source, "runs/7/submission.csv")
    assert first == Receipt(
        address=store.address_of("runs/7/submission.csv"),
        bytes=source.stat().st_size,
        sha256=hashlib.sha256(source.read_bytes()).hexdigest(),
        sent=True,
    )
    assert first.address.endswith("/runs/7/submission.csv")
    assert store.put(source, "runs/7/submission.csv") == first.model_copy(update={"sent": False})
    assert stored(store, "runs/7/submission.csv") == source.read_bytes()


@SHARED_STORE
@given(content=st.binary(max_size=200))
def test_any_content_round_trips(store: ObjectStore, source: Path, content: bytes) -> None:
    key = uuid4().hex
    assert store.put(written(source, content), key).bytes == len(content)
    assert stored(store, key) == content


@SHARED_STORE
@given(contents=st.lists(st.binary(max_size=3), min_size=2, max_size=2, unique=True))
def test_never_overwrites(store: ObjectStore, source: Path, contents: list[bytes]) -> None:
    key = uuid4().hex
    store.put(written(source, contents[0]), key)
    with pytest.raises(InputError, match=f"{key} already holds different content"):
        store.put(written(source, contents[1]), key)
    assert stored(store, key) == contents[0]


def test_concurrent_writers_of_the_same_content(store: ObjectStore, source: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        receipts = list(pool.map(lambda _: store.put(source, "same"), range(8)))
    assert any(receipt.sent for receipt in receipts)
    assert len({receipt.sha256 for receipt in receipts}) == 1


BAD_KEYS = (
    "",
    "/a",
    "a/",
    "a//b",
    "../a",
    "a/../b",
    "./a",
    "a\\b",
    "a\nb",
    "a\0",
    "\ud800",
    "é" * 513,
)


def test_refuses_bad_keys(store: ObjectStore, source: Path) -> None:
    for key in BAD_KEYS:
        with pytest.raises(InputError, match="not a usable key"):
            store.put(source, key)


def test_refuses_what_is_no_file(store: ObjectStore, tmp_path: Path) -> None:
    for source in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputError, match="cannot be read as a file"):
            store.put(source, "key")


@pytest.mark.parametrize(
    "address",
    ["", " ", "gs://products", "s3://", "s3:///key", "s3://a:b@products", "s3://products/../x"],
)
def test_refuses_bad_addresses(address: str) -> None:
    with pytest.raises(InputError) as caught:
        open_store(address)
    assert "a:b" not in str(caught.value)


class TestLocal:
    def test_leaves_only_the_file(self, tmp_path: Path, source: Path) -> None:
        open_store(str(tmp_path / "store")).put(source, "a/b")
        files = [path for path in (tmp_path / "store").rglob("*") if path.is_file()]
        assert files == [tmp_path / "store" / "a" / "b"]
        assert files[0].stat().st_mode == source.stat().st_mode

    def test_damaged_copy_is_not_published(
        self, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(shutil, "copyfileobj", lambda _, writer, __: writer.write(b"x"))
        with pytest.raises(OSError, match="damaged"):
            open_store(str(tmp_path / "store")).put(source, "key")
        assert not list((tmp_path / "store").iterdir())

    def test_without_hard_links(
        self, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_: object) -> None:
            raise OSError(errno.ENOTSUP, "no hard links here")

        monkeypatch.setattr(Path, "hardlink_to", refuse)
        store = open_store(str(tmp_path / "store"))
        assert store.put(source, "key").sent
        assert not store.put(source, "key").sent

    def test_a_file_in_the_way(self, source: Path) -> None:
        store = open_store(str(source))
        with pytest.raises(InputError, match="cannot be written"):
            store.check()
        with pytest.raises(InputError, match="cannot be written"):
            store.put(source, "key")

    def test_full_disk(self, tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def fill(*_: object) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(shutil, "copyfileobj", fill)
        with pytest.raises(InputError, match="Free some space"):
            open_store(str(tmp_path / "store")).put(source, "key")

    def test_home_folder(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        assert open_store("~/store").address_of("key") == str(tmp_path / "store" / "key")


@pytest.mark.usefixtures("address")
class TestS3:
    def test_checksum_is_kept_beside_the_object(
        self, aws: Any, bucket: S3Store, source: Path
    ) -> None:
        receipt = bucket.put(source, "key")
        name = receipt.address.removeprefix("s3://products/")
        assert aws.head_object(Bucket="products", Key=name)["Metadata"] == {
            "sha256": receipt.sha256
        }

    def test_believes_content_and_not_metadata(
        self, aws: Any, bucket: S3Store, source: Path
    ) -> None:
        name = bucket.address_of("key").removeprefix("s3://products/")
        claim = {"sha256": hashlib.sha256(source.read_bytes()).hexdigest()}
        other = source.read_bytes()[::-1]
        aws.put_object(Bucket="products", Key=name, Body=other, Metadata=claim)
        with pytest.raises(InputError, match="different content"):
            bucket.put(source, "key")

    @pytest.mark.parametrize("same", [True, False])
    def test_another_writer_is_faster(
        self, bucket: S3Store, source: Path, monkeypatch: pytest.MonkeyPatch, same: bool
    ) -> None:
        bucket.put(source, "key")
        look, looks = bucket._head, iter([True])
        monkeypatch.setattr(bucket, "_head", lambda n: None if next(looks, False) else look(n))
        if same:
            assert not bucket.put(source, "key").sent
        else:
            with pytest.raises(InputError, match="different content"):
                bucket.put(written(source, b"other"), "key")

    def test_large_file_goes_in_parts(
        self, bucket: S3Store, source: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(s3, "SINGLE_PUT_BYTES", 2**20)
        written(source, bytes(9 * 2**20))
        assert bucket.put(source, "key").sent
        assert not bucket.put(source, "key").sent

    def test_failed_upload_leaves_no_parts(
        self, aws: Any, bucket: S3Store, source: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def cut(**_: object) -> None:
            raise ConnectionError("cut")

        monkeypatch.setattr(s3, "SINGLE_PUT_BYTES", 2**20)
        bucket._client.meta.events.register("before-call.s3.UploadPart", cut)
        with pytest.raises(ConnectionError, match="cut"):
            bucket.put(written(source, bytes(9 * 2**20)), "key")
        assert not aws.list_multipart_uploads(Bucket="products").get("Uploads")

    def test_missing_bucket(self, source: Path) -> None:
        store = open_store("s3://no-such-bucket", IMPATIENT)
        with pytest.raises(InputError, match=r"does not exist.*Create the bucket"):
            store.check()
        with pytest.raises(InputError, match=r"does not exist.*Create the bucket"):
            store.put(source, "key")

    def test_unreachable_endpoint(self, source: Path, closed_endpoint: str) -> None:
        store = open_store("s3://products", IMPATIENT)
        with pytest.raises(InputError, match=rf"{closed_endpoint} cannot be reached"):
            store.check()
        with pytest.raises(BotoCoreError):  # may pass, so it is left to the caller's retries
            store.put(source, "key")

    def test_no_credentials(self, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
        store = open_store("s3://products", IMPATIENT)
        for action in (store.check, lambda: store.put(source, "key")):
            with pytest.raises(InputError, match="no complete credentials"):
                action()

    def test_refused_key(
        self, bucket: S3Store, source: Path, request: pytest.FixtureRequest
    ) -> None:
        request.getfixturevalue("refused_key")
        for action in (bucket.check, lambda: bucket.put(source, "key")):
            with pytest.raises(InputError, match="refuses access") as caught:
                action()
            assert SECRET not in str(caught.value)

    @pytest.mark.parametrize("url", ["nonsense", "ftp//x"])
    def test_bad_endpoint(self, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(InputError, match="Correct AWS_ENDPOINT_URL"):
            open_store("s3://products")

    def test_missing_profile(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_PROFILE", "nobody")
        with pytest.raises(InputError, match="AWS_PROFILE"):
            open_store("s3://products")


class TestScriptedEndpoint:
    """What moto cannot play."""

    @pytest.fixture
    def script(self, bucket: S3Store) -> Iterator[Stubber]:
        with Stubber(bucket._client) as script:
            script.add_client_error("head_object", "404", http_status_code=404)
            yield script
            script.assert_no_pending_responses()

    def test_no_conditional_put(self, bucket: S3Store, source: Path, script: Stubber) -> None:
        digest = base64.b64encode(hashlib.sha256(source.read_bytes()).digest()).decode()
        common = {
            "Bucket": "products",
            "Key": ANY,
            "Body": ANY,
            "Metadata": ANY,
            "ChecksumSHA256": digest,
        }
        script.add_client_error(
            "put_object",
            "NotImplemented",
            http_status_code=501,
            expected_params={**common, "IfNoneMatch": "*"},
        )
        script.add_response("put_object", {}, common)
        head = {"ContentLength": source.stat().st_size, "ChecksumSHA256": digest}
        script.add_response("head_object", head)
        assert bucket.put(source, "key").sent

    def test_damage_is_told(self, bucket: S3Store, source: Path, script: Stubber) -> None:
        other = base64.b64encode(bytes(32)).decode()
        head = {"ContentLength": source.stat().st_size, "ChecksumSHA256": other}
        script.add_response("put_object", {})
        script.add_response("head_object", head)
        with pytest.raises(InputError, match="damaged"):
            bucket.put(source, "key")

    def test_not_visible_yet(self, bucket: S3Store, source: Path, script: Stubber) -> None:
        script.add_response("put_object", {})
        script.add_client_error("head_object", "404", http_status_code=404)
        with pytest.raises(ConnectionError, match="not visible yet"):
            bucket.put(source, "key")

    @pytest.mark.parametrize("finished", [True, False])
    def test_another_writer_is_at_it(
        self, bucket: S3Store, source: Path, script: Stubber, finished: bool
    ) -> None:
        script.add_client_error("put_object", "ConditionalRequestConflict", http_status_code=409)
        if finished:
            script.add_response("head_object", {"ContentLength": 1})
            with pytest.raises(InputError, match="different content"):
                bucket.put(source, "key")
        else:
            script.add_client_error("head_object", "404", http_status_code=404)
            with pytest.raises(ConnectionError, match="not visible yet"):
                bucket.put(source, "key")

    def test_passing_error_is_left_to_retries(
        self, bucket: S3Store, source: Path, script: Stubber
    ) -> None:
        script.add_client_error("put_object", "SlowDown", http_status_code=503)
        with pytest.raises(ClientError, match="SlowDown"):
            bucket.put(source, "key")

    def test_refusal(self, bucket: S3Store, source: Path, script: Stubber) -> None:
        script.add_client_error("put_object", "AccessDenied", SECRET, http_status_code=403)
        with pytest.raises(InputError, match=r"refuses .*AccessDenied") as caught:
            bucket.put(source, "key")
        assert SECRET not in str(caught.value)


@pytest.mark.parametrize(
    ("code", "final"),
    [
        ("InternalError", False),
        ("RequestTimeout", False),
        ("OperationAborted", False),
        ("InvalidAccessKeyId", True),
        ("SignatureDoesNotMatch", True),
        ("ExpiredToken", True),
        ("PermanentRedirect", True),
        ("NoSuchBucket", True),
    ],
)
def test_which_answers_are_final(code: str, final: bool) -> None:
    error = ClientError({"Error": {"Code": code, "Message": SECRET}}, "PutObject")
    assert s3_errors.permanent(error) is final
    told = s3_errors.explained(error, "s3://products")
    assert code in told.problem
    assert SECRET not in str(told)


def test_check_explains_an_ailing_endpoint(bucket: S3Store) -> None:
    with Stubber(bucket._client) as script:
        script.add_client_error("head_bucket", "503", http_status_code=503)
        with pytest.raises(InputError, match="cannot be used now"):
            bucket.check()
