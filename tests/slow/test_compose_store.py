"""The S3 store of compose, by its own command and users: where PCAM_TEST_WEED names SeaweedFS."""

import json
import os
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import boto3
import grpc
import psutil
import pytest
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError

import deployments
from pcam_core.object_store.interface import S3Settings
from pcam_core.object_store.s3 import SINGLE_PUT_BYTES, S3Store

WEED = os.environ.get("PCAM_TEST_WEED")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not WEED, reason="PCAM_TEST_WEED does not name SeaweedFS's program weed"),
]

COMPOSE = yaml.safe_load(
    (Path(deployments.__file__).parent / "containers" / "compose.yaml").read_text()
)
TOLD = {
    "AWS_ACCESS_KEY_ID": "planted4714",
    "AWS_SECRET_ACCESS_KEY": "planted4715",
    "WEED_JWT_FILER_SIGNING_KEY": "planted4716",
}
ENDPOINT = "http://127.0.0.1:9000"
WRITERS = 16


def told(text):
    """Fill in variables as compose does."""
    return re.sub(r"\$\{([A-Z_]+):\?\}", lambda found: TOLD[found[1]], text)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Start it with a bucket, as the services s3 and bucket do together."""
    folder = tmp_path_factory.mktemp("weed")
    (folder / "data").mkdir()
    users = folder / "s3.json"
    users.write_text(told(COMPOSE["configs"]["s3_users"]["content"]))
    service, bucket = COMPOSE["services"]["s3"], COMPOSE["services"]["bucket"]
    (config,) = service["configs"]
    here = {"/data": str(folder / "data"), config["target"]: str(users)}
    command = [*service["entrypoint"], *service["command"]]
    for there, place in here.items():
        command = [word.replace(f"={there}", f"={place}") for word in command]
    environment = {
        "PATH": f"{Path(WEED).parent}:{os.environ['PATH']}",
        **{name: told(value) for name, value in service["environment"].items()},
    }
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            command, env=environment, cwd=folder / "data", stdout=log, stderr=log
        )
    try:
        until_healthy(service["healthcheck"]["test"][-1], process, folder / "log")
        for _ in "at every start":
            made = subprocess.run(
                [*bucket["entrypoint"], *bucket["command"]],
                env=environment,
                capture_output=True,
                text=True,
            )
            assert made.returncode == 0, made.stderr
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)


def until_healthy(address, process, log):
    end = time.monotonic() + 60
    while True:
        try:
            return urlopen(address).close()
        except OSError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < end, log.read_text()
            time.sleep(0.2)


def client():
    return boto3.client(
        "s3",
        endpoint_url=ENDPOINT,
        region_name="us-east-1",
        aws_access_key_id=TOLD["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=TOLD["AWS_SECRET_ACCESS_KEY"],
        config=Config(retries={"max_attempts": 1}),
    )


def test_products_are_kept_once(store, tmp_path, monkeypatch):
    for name, value in TOLD.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL", ENDPOINT)
    products = S3Store("pcam", "products/", S3Settings(region="us-east-1"))
    products.check()
    for name, size in (("small", 9), ("large", SINGLE_PUT_BYTES + 1)):
        (tmp_path / name).write_bytes(b"x" * size)
        assert products.put(tmp_path / name, name).sent
        again = products.put(tmp_path / name, name)
        assert not again.sent
        assert again.bytes == size


def test_one_of_many_writers_wins(store):
    def write(number):
        try:
            client().put_object(Bucket="pcam", Key="race", Body=b"%d" % number, IfNoneMatch="*")
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"]
        return 200

    with ThreadPoolExecutor(WRITERS) as pool:
        assert sorted(pool.map(write, range(WRITERS))) == [200] + [412] * (WRITERS - 1)


@pytest.mark.parametrize(
    ("method", "fields"),
    [
        ("delete_object", {"Bucket": "pcam", "Key": "stays"}),
        ("delete_bucket", {"Bucket": "pcam"}),
        ("create_bucket", {"Bucket": "another"}),
        ("put_object", {"Bucket": "another", "Key": "new"}),
        ("put_bucket_acl", {"Bucket": "pcam", "ACL": "public-read"}),
        ("put_bucket_policy", {"Bucket": "pcam", "Policy": json.dumps({"Statement": []})}),
    ],
)
def test_the_user_may_do_no_more_than_the_policy_says(store, method, fields):
    user = client()
    user.put_object(Bucket="pcam", Key="stays", Body=b"x")
    with pytest.raises(ClientError) as caught:
        getattr(user, method)(**fields)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert user.get_object(Bucket="pcam", Key="stays")["Body"].read() == b"x"


def test_who_has_no_key_sees_nothing_and_makes_no_user(store):
    with pytest.raises(HTTPError, match="403"):
        urlopen(f"{ENDPOINT}/pcam")
    with grpc.insecure_channel("127.0.0.1:19000") as channel:
        put = channel.unary_unary("/messaging_pb.SeaweedS3IamCache/PutIdentity")
        with pytest.raises(grpc.RpcError) as caught:
            put(b"\x0a\x06\x0a\x04evil", timeout=10)
    assert caught.value.code() is grpc.StatusCode.UNAUTHENTICATED


def test_other_machines_reach_nothing_but_s3(store):
    listening = [one.laddr for one in store.net_connections("tcp") if one.status == "LISTEN"]
    assert {at.port for at in listening if at.ip != "127.0.0.1"} == {9000, 19000}
    assert {8080, 8888, 9333} <= {at.port for at in listening}
