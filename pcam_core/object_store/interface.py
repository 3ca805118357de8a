"""What every object store offers, and what its implementations share."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field

from pcam_core.errors import InputError
from pcam_core.section import Section

LONGEST_KEY_BYTES = 1024  # S3's limit, prefix included


class ObjectError(InputError):
    """What was asked for cannot be had; what else lies in the bucket perhaps can."""


class DeniedError(ObjectError):
    """It is for want of a right, which the other objects may want as well."""


class S3Settings(Section):
    """How patiently, and in which region, an S3 endpoint is spoken to.

    Credentials and the endpoint come from boto3's usual chain (`AWS_ACCESS_KEY_ID`,
    `AWS_PROFILE`, `AWS_ENDPOINT_URL`, ...), so that no secret passes through a configuration.
    """

    region: str | None = Field(
        default=None, min_length=1, description="Region; boto3's usual chain when unset."
    )
    connect_timeout_s: float = Field(
        default=10, gt=0, le=300, description="Seconds until a connection attempt is given up."
    )
    read_timeout_s: float = Field(
        default=60, gt=0, le=3600, description="Seconds of silence until a request is given up."
    )
    attempts: int = Field(
        default=5, ge=1, le=20, description="Tries of one request, the first one included."
    )


class Receipt(BaseModel):
    """What stands at an address after a `put`.

    Attributes:
        address: Full address of the object ("s3://bucket/prefix/key" or an absolute path).
        bytes: Its size in bytes, 0 or more.
        sha256: Its checksum, 64 hexadecimal digits.
        sent: False when the same content already stood there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str
    bytes: int = Field(ge=0)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    sent: bool


class ObjectStore(Protocol):
    """A place for final products, where nothing is ever overwritten."""

    def put(self, source: Path, key: str) -> Receipt:
        """Store the file `source` under `key`, unless the same content already stands there.

        Args:
            source: A regular file.
            key: Relative, "/"-separated name below the store's address.

        Returns:
            The receipt; size and checksum were read back from the store.

        Raises:
            InputError: The key is malformed, holds different content, or the store refuses.
            Exception: Whatever may pass (network, overload) comes unchanged, to be retried.
        """
        ...

    def check(self) -> None:
        """Return when the store can be reached and looks writable.

        Raises:
            InputError: It cannot be reached, does not exist, or refuses access.
        """
        ...

    def address_of(self, key: str) -> str:
        """Full address of `key`, whether or not something stands there.

        Raises:
            InputError: The key is malformed.
        """
        ...


@dataclass(frozen=True)
class Content:
    """The identity of a file's bytes: size in bytes and sha256 in 64 hexadecimal digits."""

    size: int
    sha256: str

    def receipt(self, address: str, *, sent: bool) -> Receipt:
        """Say that this content stands at `address`."""
        return Receipt(address=address, bytes=self.size, sha256=self.sha256, sent=sent)


def content_of(file: Path) -> Content:
    """Read `file` once and return its identity.

    Raises:
        InputError: It is missing, no regular file, or not readable.
    """
    try:
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            return Content(size=stream.tell(), sha256=digest)
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise InputError(
            f"{file} cannot be read as a file ({error.strerror}).", "Name a readable file."
        ) from error


def checked_key(key: str) -> str:
    """Return `key` if it is a plain relative name such as "runs/7/submission.csv".

    Raises:
        InputError: It is empty, longer than 1,024 bytes, starts with "/", holds a backslash or an
            unprintable character, or has an empty, "." or ".." part.
    """
    plain = (
        key.isprintable()
        and "\\" not in key
        and not {"", ".", ".."}.intersection(key.split("/"))
        and len(key.encode()) <= LONGEST_KEY_BYTES
    )
    if not plain:
        raise InputError(
            f"{key!r} is not a usable key for object storage.",
            'Use a relative name such as "runs/7/submission.csv", without "..".',
        )
    return key


def taken(address: str) -> InputError:
    """Say that `address` holds other content than the caller's."""
    return InputError(
        f"{address} already holds different content.",
        "Choose another key, or move the old object away first.",
    )
