"""Fetches a model from object storage once and keeps it."""

import hashlib
from contextlib import closing
from pathlib import Path

from pcam_core.atomic import replacing
from pcam_core.errors import InputError
from pcam_core.object_store import S3Settings
from pcam_core.superres.checksum import checksum_file, write_checksum
from pcam_core.user_cache import user_cache

_SUFFIX = ".keras"


def is_remote(source: str) -> bool:
    """Whether ``source`` is an address in object storage."""
    return source.startswith("s3://")


def fetch_model(address: str, cache: Path | None = None) -> Path:
    """The local copy of an object, downloaded if this very version is not kept already.

    A version is known by its address, ETag and size, which one HEAD request tells. The copy's
    checksum is kept beside it, so that whoever opens it sees later damage.

    Args:
        address: ``s3://bucket/key.keras``; credentials and endpoint as boto3 finds them.
        cache: Folder that keeps it; by default ``$XDG_CACHE_HOME/pcam/superres``
            (``~/.cache/pcam/superres``).

    Raises:
        InputError: The address is malformed, nothing stands there, or the endpoint refuses.
        Exception: Whatever may pass (network, overload) comes unchanged, to be retried.
    """
    # Imported here: boto3 takes half a second, and most upscalers lie in a folder.
    from pcam_core.object_store.s3_client import connect, split_address
    from pcam_core.object_store.s3_errors import permanent_errors_told

    bucket, key = split_address(address)
    if not key.endswith(_SUFFIX):
        raise InputError(f"{address} names no Keras model.", "Write it as s3://bucket/key.keras.")
    client = connect(S3Settings())
    with permanent_errors_told(address):
        head = client.head_object(Bucket=bucket, Key=key)
        version = f"{address}\0{head['ETag']}\0{head['ContentLength']}"
        name = hashlib.sha256(version.encode()).hexdigest()[:32]
        kept = (cache or user_cache("superres")) / (name + _SUFFIX)
        if kept.is_file() and checksum_file(kept).is_file():
            return kept
        answer = client.get_object(Bucket=bucket, Key=key, IfMatch=head["ETag"])
        # botocore compares length and checksum with what the endpoint tells.
        with replacing(kept) as temporary, closing(answer["Body"]) as body:
            temporary.write_bytes(body.read())
    write_checksum(kept)
    return kept
