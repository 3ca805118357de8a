"""A place for final products: an S3 bucket or a local folder, behind one small interface."""

from pathlib import Path

from pcam_core.errors import InputError
from pcam_core.object_store.interface import ObjectStore, Receipt, S3Settings

__all__ = ["ObjectStore", "Receipt", "S3Settings", "open_store"]


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
    scheme, separator, _ = address.partition("://")
    if not separator:
        return _local(address)
    if scheme.lower() != "s3":
        raise InputError(
            f'Object storage of the kind "{scheme}" is not known.',
            "Use s3://bucket/prefix or the path of a local folder.",
        )
    return _s3(address, settings or S3Settings())


def _local(address: str) -> ObjectStore:
    from pcam_core.object_store.local import LocalStore

    if not address.strip():
        raise InputError(
            "The address of the object store is empty.",
            "Use s3://bucket/prefix or the path of a local folder.",
        )
    return LocalStore(Path(address))


def _s3(address: str, settings: S3Settings) -> ObjectStore:
    from pcam_core.object_store.s3 import S3Store
    from pcam_core.object_store.s3_client import split_address

    bucket, prefix = split_address(address)
    return S3Store(bucket, f"{prefix}/" if prefix else "", settings)
