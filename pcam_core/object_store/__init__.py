"""A place for final products: an S3 bucket or a local folder, behind one small interface."""

import re
from pathlib import Path

from pcam_core.errors import InputError
from pcam_core.object_store.interface import ObjectStore, Receipt, S3Settings, checked_key

__all__ = ["ObjectStore", "Receipt", "S3Settings", "open_store"]

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,254}")


def open_store(address: str, settings: S3Settings | None = None) -> ObjectStore:
    """Return the store at `address`, without talking to it yet.

    Args:
        address: "s3://bucket", "s3://bucket/prefix" or the path of a local folder, which need not
            exist yet.
        settings: Region, time limits and tries for S3; a local folder ignores them.

    Raises:
        InputError: The address is malformed or of another kind, or boto3's settings are.

    Example:
        >>> open_store("products").put(Path("submission.csv"), "runs/7/submission.csv")
    """
    scheme, separator, rest = address.partition("://")
    if not separator:
        return _local(address)
    if scheme.lower() != "s3":
        raise InputError(
            f'Object storage of the kind "{scheme}" is not known.',
            "Use s3://bucket/prefix or the path of a local folder.",
        )
    return _s3(rest, settings or S3Settings())


def _local(address: str) -> ObjectStore:
    from pcam_core.object_store.local import LocalStore

    if not address.strip():
        raise InputError(
            "The address of the object store is empty.",
            "Use s3://bucket/prefix or the path of a local folder.",
        )
    return LocalStore(Path(address))


def _s3(rest: str, settings: S3Settings) -> ObjectStore:
    from pcam_core.object_store.s3 import S3Store

    bucket, _, prefix = rest.partition("/")
    if not _BUCKET.fullmatch(bucket):
        # The text is not repeated: people put credentials in front of an "@" there.
        raise InputError(
            "The object store's address has no valid bucket name.",
            "Write it as s3://bucket/prefix, without credentials.",
        )
    prefix = prefix.rstrip("/")
    return S3Store(bucket, f"{checked_key(prefix)}/" if prefix else "", settings)
