"""Reading what lies below an S3 prefix: listed at once, fetched with resume and checksum."""

import base64
import binascii
import hashlib
import io
import re
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import (
    ClientError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
)
from botocore.exceptions import ConnectionError as BotoConnectionError

from pcam_core.atomic import sync
from pcam_core.errors import InputError
from pcam_core.listing import count, listing
from pcam_core.object_store.interface import ObjectError, S3Settings, checked_key
from pcam_core.object_store.s3_client import connect, split_address
from pcam_core.object_store.s3_errors import explained, permanent_errors_told

USABLE = 'a name must not hold "..", "//", a backslash or what cannot be printed'
"""What names of objects must be, in words, to be names of files as well."""

_PIECE = 1 << 20
_MD5 = re.compile(r'"([0-9a-f]{32})"')
_CUT = (IncompleteReadError, HTTPClientError, BotoConnectionError)
_CHANGED = {404, 412}


@dataclass(frozen=True)
class S3Object:
    """One object, as the listing tells it.

    Attributes:
        name: Relative, "/"-separated name below the prefix.
        size: Bytes.
        etag: The version's tag, with its quotes.
    """

    name: str
    size: int
    etag: str


class S3Source:
    """The objects below a prefix, or one object whose name ends in ".zip".

    Args:
        address: "s3://bucket/prefix" or "s3://bucket/prefix/name.zip".
        settings: Region, time limits and tries.
        threads: How many will call `fetch` or `read` at once.

    Raises:
        InputError: The address or boto3's own settings are malformed.
    """

    def __init__(self, address: str, settings: S3Settings, threads: int) -> None:
        self.address = address
        self.bucket, self._prefix = split_address(address)
        self._client = connect(settings, connections=threads)
        folder = self._prefix
        if folder.endswith(".zip"):
            folder = folder.rpartition("/")[0]
        self._folder = f"{folder}/" if folder else ""

    @property
    def identity(self) -> str:
        """16 hex digits of endpoint, bucket and prefix."""
        parts = (self._client.meta.endpoint_url, self.bucket, self._prefix)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]

    def objects(self, *, may_be_empty: bool = False, by_any_name: bool = False) -> list[S3Object]:
        """List all objects, but not what only marks a folder.

        Args:
            may_be_empty: Whether there need be none.
            by_any_name: Whether names need not be `usable`.

        Raises:
            InputError: There are none, some have names that cannot be files (all are named), or
                the bucket cannot be reached, does not exist or refuses access.
        """
        endpoint = urlsplit(self._client.meta.endpoint_url).netloc.rpartition("@")[2]
        place = f"s3://{self.bucket} at {endpoint}"
        try:
            with permanent_errors_told(place):
                found = list(self._listed())
        except (BotoConnectionError, HTTPClientError) as error:
            raise explained(error, place) from error
        if not found and not may_be_empty:
            raise InputError(
                f"{self.address} holds nothing.", "Correct the address, or upload the data there."
            )
        odd = [repr(entry.name) for entry in found if not by_any_name and not usable(entry.name)]
        if odd:
            raise InputError(
                f"{self.address} holds {count(odd, 'object')} whose name cannot be a file's:"
                f" {listing(odd)}.",
                f"Move them away: {USABLE}.",
                odd,
            )
        return found

    def fetch(self, wanted: S3Object, part: Path, received: Callable[[int], None]) -> None:
        """Complete the file `part`, going on behind what it already holds of this version.

        It is compared with the endpoint's SHA-256, CRC-32 or MD5, whichever it tells of the whole
        object; for one that was uploaded in parts it may tell none.

        Args:
            wanted: The object.
            part: A file of this version's first bytes, or none.
            received: Told the bytes of each piece; what it raises ends the transfer.

        Raises:
            InputError: The endpoint refuses, or twice sends something else than its checksum says.
            ConnectionError: The object is no longer this version, or the connection is cut again
                and again; list anew and try again.
        """
        where = self._address_of(wanted)
        for _ in range(2):
            with permanent_errors_told(where), _change_told(where):
                told = self._complete(wanted, part, received, where)
            if told:
                with part.open("rb") as file:
                    whole = _is(file, wanted, told)
                if whole:
                    sync(part)
                    return
            part.unlink(missing_ok=True)
        raise _damaged(where)

    def read(self, wanted: S3Object) -> bytes:
        """Return the content of a small object, compared as `fetch` does.

        Raises:
            ObjectError: Access to it is refused (`DeniedError`), it lies in an archive, or it
                is twice something else than its checksum says.
            InputError: The endpoint refuses.
            ConnectionError: The object is no longer this version, or the connection is cut twice;
                list anew and try again.
        """
        where = self._address_of(wanted)
        cut: Exception | None = None
        for _ in range(2):
            try:
                with permanent_errors_told(where), _change_told(where):
                    told = self._client.get_object(**self._request(wanted))
                    with closing(told["Body"]) as body:
                        content: bytes = body.read()
            except FlexibleChecksumError:
                continue
            except _CUT as error:
                cut = error
                continue
            _check_version(told, wanted, where)
            if _is(io.BytesIO(content), wanted, told):
                return content
        if cut:
            raise ConnectionError(f"{where} was cut ({type(cut).__name__})") from cut
        raise _damaged(where)

    def _address_of(self, wanted: S3Object) -> str:
        return f"s3://{self.bucket}/{self._folder}{wanted.name}"

    def _request(self, wanted: S3Object) -> dict[str, str]:
        named = {"Bucket": self.bucket, "Key": self._folder + wanted.name}
        return {**named, "IfMatch": wanted.etag, "ChecksumMode": "ENABLED"}

    def _listed(self) -> Iterator[S3Object]:
        prefix = self._prefix if self._prefix.endswith(".zip") else self._folder
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.bucket, Prefix=prefix):
            for entry in page.get("Contents", ()):
                key: str = entry["Key"]
                if not key.endswith("/") and (prefix == self._folder or key == prefix):
                    name = key.removeprefix(self._folder)
                    yield S3Object(name, entry["Size"], entry["ETag"])

    def _complete(
        self, wanted: S3Object, part: Path, received: Callable[[int], None], where: str
    ) -> dict[str, Any] | None:
        """Return what the endpoint tells of the object; None if it arrived damaged."""
        request = self._request(wanted)
        while True:
            have = part.stat().st_size if part.exists() else 0
            if have >= wanted.size > 0:
                head: dict[str, Any] = self._client.head_object(**request)
                return head
            try:
                told = self._receive(request, part, have, received)
            except FlexibleChecksumError:
                return None
            except _CUT as error:
                if not part.exists() or part.stat().st_size <= have:
                    raise ConnectionError(
                        f"{where} was cut at byte {have:,} ({type(error).__name__})"
                    ) from error
                continue
            _check_version(told, wanted, where)
            if not have:
                return told

    def _receive(
        self, request: dict[str, Any], part: Path, have: int, received: Callable[[int], None]
    ) -> dict[str, Any]:
        span = {"Range": f"bytes={have}-"} if have else {}
        answer: dict[str, Any] = self._client.get_object(**request, **span)
        goes_on = str(answer.get("ContentRange", "")).startswith(f"bytes {have}-")
        with closing(answer["Body"]) as body, part.open("ab" if goes_on else "wb") as sink:
            for piece in body.iter_chunks(_PIECE):
                sink.write(piece)
                received(len(piece))
        return answer


def usable(name: str) -> bool:
    """Return whether a name can be a file's; see `USABLE`."""
    try:
        return bool(checked_key(name))
    except InputError:
        return False


def _check_version(told: dict[str, Any], wanted: S3Object, where: str) -> None:
    # Not every endpoint heeds If-Match.
    if told["ETag"].strip('"') != wanted.etag.strip('"'):
        raise ConnectionError(f"{where} has changed")


def _damaged(where: str) -> ObjectError:
    return ObjectError(
        f"{where} arrived damaged twice: it is not what its checksum says.", "Upload it again."
    )


def _is(file: io.BufferedIOBase, wanted: S3Object, told: dict[str, Any]) -> bool:
    """Compare with the strongest checksum that the endpoint tells of the whole object."""
    if file.seek(0, io.SEEK_END) != wanted.size:
        return False
    file.seek(0)
    sha256, crc32 = (_whole(told.get(f"Checksum{name}", "")) for name in ("SHA256", "CRC32"))
    md5 = _MD5.fullmatch(wanted.etag)
    if sha256:
        return hashlib.file_digest(file, "sha256").digest() == sha256
    if crc32:
        found = 0
        while piece := file.read(_PIECE):
            found = zlib.crc32(piece, found)
        return found == int.from_bytes(crc32, "big")
    # https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html: not under other keys.
    plain = told.get("ServerSideEncryption", "AES256") == "AES256"
    if md5 and plain and "SSECustomerAlgorithm" not in told:
        digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False))
        return digest.hexdigest() == md5[1]
    return True


def _whole(told: str) -> bytes:
    """Decode a checksum; "<digest>-<parts>" is one of checksums."""
    try:
        return b"" if "-" in told else base64.b64decode(told, validate=True)
    except binascii.Error:
        return b""


@contextmanager
def _change_told(where: str) -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        answer = error.response
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        if status in _CHANGED and answer.get("Error", {}).get("Code") != "NoSuchBucket":
            raise ConnectionError(f"{where} has changed") from error
        raise
