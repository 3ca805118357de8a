"""Speaking to an S3 endpoint through boto3."""

import re
from typing import Any

import boto3.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError

from pcam_core.errors import InputError
from pcam_core.object_store.interface import S3Settings, checked_key

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{2,254}")


def split_address(address: str) -> tuple[str, str]:
    """Return the bucket, and the prefix without "/" at its end, of "s3://bucket/prefix".

    Raises:
        InputError: It is malformed.
    """
    bucket, _, prefix = address.partition("://")[2].partition("/")
    if not _BUCKET.fullmatch(bucket):
        # The text is not repeated: people put credentials in front of an "@" there.
        raise InputError(
            "The object store's address has no valid bucket name.",
            "Write it as s3://bucket/prefix, without credentials.",
        )
    prefix = prefix.rstrip("/")
    return bucket, checked_key(prefix) if prefix else ""


def connect(settings: S3Settings, connections: int = 10) -> Any:
    """Return a client, without talking to the endpoint yet; threads may share it.

    Args:
        settings: Region, time limits and tries.
        connections: How many are kept open.

    Raises:
        InputError: boto3's own settings (endpoint, profile) are malformed.
    """
    config = Config(
        connect_timeout=settings.connect_timeout_s,
        read_timeout=settings.read_timeout_s,
        retries={"mode": "standard", "total_max_attempts": settings.attempts},
        max_pool_connections=connections,
    )
    try:
        # boto3's shared default session must not be used from several threads.
        session = boto3.session.Session(region_name=settings.region)
        return session.client("s3", config=config)
    except (ValueError, BotoCoreError) as error:
        raise InputError(
            f"boto3's settings for object storage are not usable ({type(error).__name__}).",
            "Correct AWS_ENDPOINT_URL (http://host:port or https://host), AWS_PROFILE and "
            "AWS_REGION.",
        ) from error
