"""What an S3 endpoint's refusals mean to a person."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    SSOError,
)

from pcam_core.errors import InputError
from pcam_core.object_store.interface import DeniedError, ObjectError

_CORRECT_KEY = "Correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
_RENEW = "Renew the session's credentials (AWS_SESSION_TOKEN)."
_ALLOW = (
    "Correct the credentials, or allow them s3:ListBucket on the bucket and s3:GetObject and "
    "s3:PutObject on its objects."
)
_CREATE = "Create the bucket, or correct the address."
_SET_REGION = "Set AWS_REGION to the bucket's region, and check AWS_ENDPOINT_URL."

# An answer to HEAD has no body, so its code is the bare status. No code here mends by waiting.
_REFUSALS = {
    "301": ("is in another region", _SET_REGION),
    "PermanentRedirect": ("is in another region", _SET_REGION),
    "AuthorizationHeaderMalformed": ("is in another region", _SET_REGION),
    "400": ("cannot be used as asked", f"{_SET_REGION} If it is right: {_RENEW}"),
    "401": ("refuses the credentials", _CORRECT_KEY),
    "403": ("refuses access", _ALLOW),
    "AccessDenied": ("refuses access", _ALLOW),
    "AllAccessDisabled": ("refuses access", _ALLOW),
    "AccountProblem": ("refuses access", _ALLOW),
    "InvalidAccessKeyId": ("refuses the credentials", _CORRECT_KEY),
    "SignatureDoesNotMatch": ("refuses the credentials", _CORRECT_KEY),
    "ExpiredToken": ("refuses the credentials", _RENEW),
    "InvalidToken": ("refuses the credentials", _RENEW),
    "404": ("does not exist", _CREATE),
    "NoSuchBucket": ("does not exist", _CREATE),
    "InvalidBucketName": ("does not exist", _CREATE),
    "InvalidObjectState": ("lies in an archive", "Restore it, or copy it to another class."),
    "InvalidRequest": (
        "refuses the request as it is",
        "If a customer's key (SSE-C) encrypts the object, copy it with the bucket's own.",
    ),
    "RequestTimeTooSkewed": ("refuses this computer's time", "Set the clock."),
}
_OF_ONE_OBJECT = {
    "AccessDenied": DeniedError,
    "InvalidObjectState": ObjectError,
    "InvalidRequest": ObjectError,
}
_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, SSOError)


def permanent(error: Exception) -> bool:
    """Whether repeating the request cannot help."""
    if isinstance(error, ClientError):
        return _code(error) in _REFUSALS
    return isinstance(error, (*_NO_CREDENTIALS, ParamValidationError))


@contextmanager
def permanent_errors_told(place: str) -> Iterator[None]:
    """Turn boto3's errors about `place` that last into `InputError`; the others pass unchanged."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        if permanent(error):
            raise explained(error, place) from error
        raise


def explained(error: Exception, place: str) -> InputError:
    """Turn boto3's `error` about `place` into problem and remedy.

    The endpoint's own words are left out: they may repeat parts of credentials.

    Args:
        error: A `ClientError` or `BotoCoreError`.
        place: What was asked for, without secrets.
    """
    if isinstance(error, ClientError):
        code = _code(error)
        problem, remedy = _REFUSALS.get(
            code, ("cannot be used now", "Look at the endpoint's health and try again.")
        )
        kind = _OF_ONE_OBJECT.get(code, InputError)
        return kind(f"{place} {problem} (answer: {code}).", remedy)
    if isinstance(error, _NO_CREDENTIALS):
        return InputError(
            f"There are no complete credentials for {place}.",
            "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.",
        )
    if isinstance(error, ParamValidationError):
        return InputError(f"{place} is not a valid address.", _CREATE)
    return InputError(
        f"{place} cannot be reached ({type(error).__name__}).",
        "Start the endpoint, or correct AWS_ENDPOINT_URL and the network's settings.",
    )


def _code(error: Any) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))
