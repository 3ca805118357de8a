"""A bucket behind any S3 endpoint as an object store."""

import base64
import hashlib
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import BotoCoreError, ClientError

from pcam_core.errors import InputError
from pcam_core.object_store.interface import (
    Content,
    Receipt,
    S3Settings,
    checked_key,
    content_of,
    taken,
)
from pcam_core.object_store.s3_client import connect
from pcam_core.object_store.s3_errors import explained, permanent_errors_told

SINGLE_PUT_BYTES = 64 * 2**20  # above this an upload goes in parts

# Of a conditional PUT; 409 (ConditionalRequestConflict): the other writer is still at it.
_TAKEN = {409, 412}


class S3Store:
    """Keeps each object below a prefix of one bucket.

    An upload in parts that is killed leaves its parts behind, invisible but paid for: give the
    bucket a lifecycle rule that aborts incomplete uploads after some days.

    Args:
        bucket: Its name.
        prefix: "" or text that ends with "/".
        settings: Region, time limits and tries.

    Raises:
        InputError: boto3's own settings (endpoint, profile) are malformed.
    """

    def __init__(self, bucket: str, prefix: str, settings: S3Settings) -> None:
        self._bucket = bucket
        self._prefix = prefix
        self._client = connect(settings)

    def address_of(self, key: str) -> str:
        """Return "s3://bucket/prefix/key"; see `ObjectStore`."""
        return f"s3://{self._bucket}/{self._name(key)}"

    def check(self) -> None:
        """Ask for the bucket; see `ObjectStore`. Every failure becomes an `InputError`."""
        endpoint = urlsplit(self._client.meta.endpoint_url).netloc.rpartition("@")[2]
        try:
            self._client.head_bucket(Bucket=self._bucket)
        except (ClientError, BotoCoreError) as error:
            raise explained(error, f"s3://{self._bucket} at {endpoint}") from error

    def put(self, source: Path, key: str) -> Receipt:
        """Upload `source`, never over another object; see `ObjectStore`."""
        name, address = self._name(key), self.address_of(key)
        content = content_of(source)
        with permanent_errors_told(address):
            head = self._head(name)
            sent = head is None and self._send(source, name, content)
            head = head or self._head(name)
            if head is None:
                raise ConnectionError(f"{address} was removed again, or is not visible yet")
            if not self._holds(name, head, content):
                raise _unlike_sent(address) if sent else taken(address)
        return content.receipt(address, sent=sent)

    def _name(self, key: str) -> str:
        return checked_key(self._prefix + checked_key(key))

    def _head(self, name: str) -> dict[str, Any] | None:
        try:
            head: dict[str, Any] = self._client.head_object(
                Bucket=self._bucket, Key=name, ChecksumMode="ENABLED"
            )
        except ClientError as error:
            if _status(error) == 404:
                return None
            raise
        return head

    def _holds(self, name: str, head: dict[str, Any], content: Content) -> bool:
        """Compare with what is stored; the metadata's sha256 is only the uploader's claim."""
        if head["ContentLength"] != content.size:
            return False
        return (_endpoint_sha256(head) or self._downloaded_sha256(name)) == content.sha256

    def _downloaded_sha256(self, name: str) -> str:
        digest = hashlib.sha256()
        with closing(self._client.get_object(Bucket=self._bucket, Key=name)["Body"]) as body:
            for chunk in body.iter_chunks(1 << 20):
                digest.update(chunk)
        return digest.hexdigest()

    def _send(self, source: Path, name: str, content: Content) -> bool:
        """Upload; False when another writer was there first."""
        if content.size > SINGLE_PUT_BYTES:
            self._send_in_parts(source, name, content)
            return True
        try:
            self._send_at_once(source, name, content, IfNoneMatch="*")
        except ClientError as error:
            if _status(error) in _TAKEN:
                return False
            if _status(error) != 501:
                raise
            # Not every endpoint knows the conditional PUT (OpenStack Swift answers 501). `put`
            # has just seen that nothing stands there; only a writer in this instant could lose.
            self._send_at_once(source, name, content)
        return True

    def _send_at_once(self, source: Path, name: str, content: Content, **condition: str) -> None:
        with source.open("rb") as body:
            self._client.put_object(
                Bucket=self._bucket,
                Key=name,
                Body=body,
                ChecksumSHA256=base64.b64encode(bytes.fromhex(content.sha256)).decode(),
                Metadata={"sha256": content.sha256},
                **condition,
            )

    def _send_in_parts(self, source: Path, name: str, content: Content) -> None:
        # Unlike `upload_file`, this leaves a ClientError as it is; it aborts the upload on
        # failure too. The managed transfer cannot be made conditional.
        with source.open("rb") as body:
            self._client.upload_fileobj(
                body,
                self._bucket,
                name,
                ExtraArgs={"Metadata": {"sha256": content.sha256}},
                Config=TransferConfig(multipart_threshold=SINGLE_PUT_BYTES),
            )


def _unlike_sent(address: str) -> InputError:
    return InputError(
        f"{address} does not hold what was just sent: "
        "it was damaged, or replaced by another writer.",
        "Look at that object, remove it if it is damaged, and run again.",
    )


def _endpoint_sha256(head: dict[str, Any]) -> str | None:
    """The whole object's sha256 in hexadecimal, if the endpoint has computed one."""
    told = head.get("ChecksumSHA256")
    # "<digest>-<parts>" is a checksum of checksums.
    return base64.b64decode(told).hex() if told and "-" not in told else None


def _status(error: Any) -> int:
    status: int = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status
